#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Standard input, read in big pieces through one buffer: what this takes of memory doesn't depend on what comes. */

/** 1: all `size` bytes, 0: the end, before any of them, -1: the end in the middle of them, or an error. */
int input_read(void *bytes, size_t size);
/** -1: the input ended before. */
int input_skip(uint64_t size);
/** 1: done, 0: the input ended before, as that of umoci's `insert` does after the last file; -1: an error. */
int input_skip_padding(uint64_t size);
/** Copies to `fd`, where nothing is yet, at `offset`; zeros at the end may be left to ftruncate(2). -1: the stage is
 * `write` if the file would not take it. */
int input_copy(int fd, uint64_t offset, uint64_t size);
/** Everything until the end, so that whoever writes it is not cut off. */
int input_drain(void);
