#include <TensorFlowLite.h>
#include <edgewise_model.h>

void setup() {
  Serial.begin(115200);
  while (!Serial) {
  }
  if (!edgewise::setup()) {
    Serial.println("the model does not load");
    return;
  }
  Serial.print("arena, bytes: ");
  Serial.println(edgewise::arena_used());
  Serial.print("self-test (0: passed): ");
  Serial.println(edgewise::self_test());
}

void loop() {}
