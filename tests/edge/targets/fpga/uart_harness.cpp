// Sends bytes from standard input over the serial line of `top`, and writes the bytes that come back.
// Arguments: clocks for a bit, bytes to wait for.
#include <cstdio>
#include <cstdlib>

#include "Vtop.h"
#include "verilated.h"

static VerilatedContext context;
static Vtop top(&context);
static long divisor, wanted, received, phase;
static int bits = -1, byte;

static void tick() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    // An independent receiver: a start bit, then samples in the middle of each of eight bits.
    if (bits < 0) {
        if (!top.tx) bits = 0, byte = 0, phase = divisor + divisor / 2;
    } else if (--phase == 0) {
        if (bits < 8) byte |= top.tx << bits;
        else if (!top.tx) exit(3);
        else fputc(byte, stdout), ++received;
        bits = bits == 8 ? -1 : bits + 1;
        phase = divisor;
    }
}

static void line(int level) {
    top.rx = level;
    for (long at = 0; at < divisor; ++at) tick();
}

int main(int, char **argv) {
    divisor = strtol(argv[1], nullptr, 10), wanted = strtol(argv[2], nullptr, 10);
    line(1);
    for (int next; (next = fgetc(stdin)) != EOF;) {
        line(0);
        for (int at = 0; at < 8; ++at) line(next >> at & 1);
        line(1);
    }
    for (long waited = 0; received < wanted; ++waited) {
        if (waited > 1000000) return 4;
        tick();
    }
    return 0;
}
