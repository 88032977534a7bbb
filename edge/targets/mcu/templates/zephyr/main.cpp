#include <zephyr/sys/printk.h>

#include "edgewise_model.h"

int main(void) {
  if (!edgewise::setup()) {
    printk("the model does not load\n");
    return 1;
  }
  printk("arena: %u bytes; self-test: %d (0: passed)\n", static_cast<unsigned>(edgewise::arena_used()),
         edgewise::self_test());
  return 0;
}
