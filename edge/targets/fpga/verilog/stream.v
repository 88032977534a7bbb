// A picture in, byte by byte; its label and its logits out, byte by byte.
//
// In: PIXELS bytes in the order height, width, channel. Out: one byte with the label (the first of the largest logits),
// then each logit in LOGIT_BYTES bytes, lowest first, two's complement; its value is the integer / 2**(binary point).
// A byte passes where valid and ready are both 1. The next picture is taken when the answer has left.
//
// `parameters.vh` is written for each network, `network_wrapper` by da4ml: it takes all pixels at once, each clock, and
// gives the logits NETWORK_CYCLES clocks later.
`include "parameters.vh"

module stream (
    input            clk,
    input            reset,     // forgets a picture that came half; registers start at 0 by themselves
    input      [7:0] in_data,
    input            in_valid,
    output           in_ready,
    output     [7:0] out_data,
    output           out_valid,
    input            out_ready
);
    localparam RECEIVE = 2'd0, COMPUTE = 2'd1, COMPARE = 2'd2, SEND = 2'd3;
    localparam WIDE = 8 * `LOGIT_BYTES;

    reg [1:0]  state = RECEIVE;
    reg [15:0] count = 0;

    // From a byte to the network's number: less the zero point, without the lowest bits.
    wire signed [9:0] centred = $signed({2'b00, in_data}) - `ZERO_POINT;
    wire [`PIXEL_BITS-1:0] pixel = centred >>> `DROPPED_BITS;

    reg  [`PIXELS*`PIXEL_BITS-1:0] picture = 0;
    wire [`LABELS*`LOGIT_BITS-1:0] answer;
    network_wrapper core (.clk(clk), .model_inp(picture), .model_out(answer));

    // The logits, turning: the lowest leaves first.
    reg  [`LABELS*WIDE-1:0] logits = 0;
    wire [`LABELS*WIDE-1:0] widened;
    genvar at;
    generate
        for (at = 0; at < `LABELS; at = at + 1) begin : widen
            assign widened[at*WIDE +: WIDE] =
                {{(WIDE-`LOGIT_BITS){`LOGIT_SIGNED & answer[(at+1)*`LOGIT_BITS-1]}}, answer[at*`LOGIT_BITS +: `LOGIT_BITS]};
        end
    endgenerate

    reg [7:0] label = 0;
    reg signed [WIDE-1:0] largest = 0;
    wire signed [WIDE-1:0] first = logits[WIDE-1:0];
    reg label_sent = 0;

    assign in_ready  = state == RECEIVE;
    assign out_valid = state == SEND;
    assign out_data  = label_sent ? logits[7:0] : label;

    always @(posedge clk) begin
        case (state)
            RECEIVE: if (in_valid) begin
                picture <= {pixel, picture[`PIXELS*`PIXEL_BITS-1:`PIXEL_BITS]};
                count <= count + 1;
                if (count == `PIXELS - 1) begin
                    state <= COMPUTE;
                    count <= 0;
                end
            end
            COMPUTE: begin
                count <= count + 1;
                if (count == `NETWORK_CYCLES) begin
                    logits <= widened;
                    state <= COMPARE;
                    count <= 0;
                end
            end
            COMPARE: begin
                if (count == 0 || first > largest) begin
                    largest <= first;
                    label <= count[7:0];
                end
                logits <= {logits[WIDE-1:0], logits[`LABELS*WIDE-1:WIDE]};
                count <= count + 1;
                if (count == `LABELS - 1) begin
                    state <= SEND;
                    count <= 0;
                    label_sent <= 0;
                end
            end
            SEND: if (out_ready) begin
                label_sent <= 1;
                if (label_sent)
                    logits <= {8'b0, logits[`LABELS*WIDE-1:8]};
                count <= count + 1;
                if (count == `LABELS * `LOGIT_BYTES) begin
                    state <= RECEIVE;
                    count <= 0;
                end
            end
        endcase
        if (reset) begin
            state <= RECEIVE;
            count <= 0;
        end
    end
endmodule
