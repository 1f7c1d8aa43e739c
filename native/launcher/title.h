#pragma once

/** Call first in main: remembers where the kernel keeps what `ps` shows. */
void title_remember(int argc, char **argv);
/** What `ps` and /proc/<pid>/cmdline show from now on; a container must not see the host's paths in that of its PID 1.
 */
void title_set(const char *title);
