// Serial line, 8 data bits, no parity, 1 stop bit; DIVISOR clocks for a bit.

module uart_receive #(parameter DIVISOR = 217) (
    input            clk,
    input            line,
    output reg [7:0] data = 0,
    output reg       valid = 0   // for one clock
);
    reg [2:0]  settled = 3'b111; // the line is not of this clock: two registers before it is looked at
    reg [15:0] wait_for = 0;
    reg [3:0]  bits = 0;         // still to come, stop bit included; 0: idle

    always @(posedge clk) begin
        settled <= {settled[1:0], line};
        valid <= 0;
        if (bits == 0) begin
            if (settled[2:1] == 2'b10) begin  // a start bit begins: its middle is half a bit away
                bits <= 10;
                wait_for <= DIVISOR / 2;
            end
        end else if (wait_for != 0) begin
            wait_for <= wait_for - 1;
        end else begin
            wait_for <= DIVISOR - 1;
            bits <= bits - 1;
            if (bits == 10 && settled[1]) bits <= 0;  // a glitch, no start bit
            else if (bits == 1) valid <= settled[1];  // without its stop bit a byte does not count
            else if (bits != 10) data <= {settled[1], data[7:1]};
        end
    end
endmodule

module uart_send #(parameter DIVISOR = 217) (
    input       clk,
    input [7:0] data,
    input       valid,
    output      ready,
    output      line
);
    reg [9:0]  shift = 10'h3ff;
    reg [15:0] wait_for = 0;
    reg [3:0]  bits = 0;

    assign ready = bits == 0;
    assign line = shift[0];

    always @(posedge clk) begin
        if (bits == 0) begin
            if (valid) begin
                shift <= {1'b1, data, 1'b0};
                bits <= 10;
                wait_for <= DIVISOR - 1;
            end
        end else if (wait_for != 0) begin
            wait_for <= wait_for - 1;
        end else begin
            wait_for <= DIVISOR - 1;
            shift <= {1'b1, shift[9:1]};
            bits <= bits - 1;
        end
    end
endmodule
