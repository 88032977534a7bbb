#include "edgewise_contract.h"

const char *const edgewise_labels[EDGEWISE_LABELS] = {
@{names}
};
