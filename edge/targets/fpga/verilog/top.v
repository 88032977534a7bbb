// The board: its oscillator, its serial line. Send a picture's bytes, then read the label and the logits (see stream.v).
// A pause of 2**IDLE_BITS clocks within a picture forgets the bytes before it, so that a lost byte costs one picture.

module top #(parameter DIVISOR = 217, parameter IDLE_BITS = 22) (
    input  clk,
    input  rx,
    output tx
);
    wire [7:0] in_data, out_data;
    wire in_valid, in_ready, out_valid, out_ready;
    reg [IDLE_BITS:0] idle = 0;

    always @(posedge clk)
        if (in_valid || !in_ready) idle <= 0;
        else if (!idle[IDLE_BITS]) idle <= idle + 1;

    uart_receive #(.DIVISOR(DIVISOR)) receiver (.clk(clk), .line(rx), .data(in_data), .valid(in_valid));
    stream core (
        .clk(clk), .reset(idle[IDLE_BITS]),
        .in_data(in_data), .in_valid(in_valid), .in_ready(in_ready),
        .out_data(out_data), .out_valid(out_valid), .out_ready(out_ready)
    );
    uart_send #(.DIVISOR(DIVISOR)) sender (
        .clk(clk), .data(out_data), .valid(out_valid), .ready(out_ready), .line(tx)
    );
endmodule
