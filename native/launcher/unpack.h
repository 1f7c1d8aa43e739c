#pragma once

/** `tsstack-launcher unpack DIRECTORY`. Returns the exit code. */
int unpack_main(const char *directory);
