#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer's own `main`, with the function that it calls with every input. It reads its options from the arguments and never returns
/// while there are executions left.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*test)(const uint8_t *bytes, size_t count));
