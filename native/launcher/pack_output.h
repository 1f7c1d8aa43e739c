#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Standard output, written in big pieces through one buffer. */

int output_write(const void *bytes, size_t size);
int output_zeros(uint64_t size);
/** `size` bytes from the beginning of the file. Its holes are not read. -1: it has become shorter, or an error. */
int output_file(int fd, uint64_t size);
int output_flush(void);
