// Drives the Verilog module `stream`: pictures from standard input, for each of them its answer to standard output.
// Arguments: bytes of a picture, bytes of an answer. The clocks from the last byte in to the first byte out go to
// standard error, one number for each picture.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vstream.h"
#include "verilated.h"

static void tick(Vstream &top) {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const size_t pixels = strtoul(argv[1], nullptr, 10), answer = strtoul(argv[2], nullptr, 10);
    std::vector<unsigned char> in(pixels), out(answer);
    VerilatedContext context;
    Vstream top(&context);
    top.clk = top.reset = top.in_valid = top.out_ready = 0;
    top.eval();
    while (fread(in.data(), 1, pixels, stdin) == pixels) {
        for (size_t at = 0; at < pixels; ++at) {
            top.in_data = in[at];
            top.in_valid = 1;
            top.eval();
            if (!top.in_ready) return 3;
            tick(top);
        }
        top.in_valid = 0;
        top.out_ready = 1;
        top.eval();
        size_t clocks = 0;
        for (; !top.out_valid; ++clocks) {
            if (clocks > 100000) return 4;
            tick(top);
        }
        for (size_t at = 0; at < answer; ++at) {
            if (!top.out_valid) return 5;
            out[at] = top.out_data;
            tick(top);
        }
        top.out_ready = 0;
        top.eval();
        if (fwrite(out.data(), 1, answer, stdout) != answer) return 6;
        fprintf(stderr, "%zu\n", clocks);
    }
    top.final();
    return 0;
}
