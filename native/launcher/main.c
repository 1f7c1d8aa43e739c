#include "exec.h"
#include "flush.h"
#include "inherit.h"
#include "pack.h"
#include "pack_merged.h"
#include "probe.h"
#include "receive.h"
#include "remove_tree.h"
#include "serve.h"
#include "title.h"
#include "unpack.h"
#include "wait_lock.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] = "usage: tsstack-launcher serve --stage DIRECTORY\n"
                            "       tsstack-launcher exec OPTIONS\n"
                            "       tsstack-launcher receive PID START-TIME UID GID CAPABILITIES\n"
                            "       tsstack-launcher probe-idmap DIRECTORY\n"
                            "       tsstack-launcher unpack DIRECTORY\n"
                            "       tsstack-launcher pack [--uid-base N] DIRECTORY\n"
                            "       tsstack-launcher inherit TARGET LAYER...\n"
                            "       tsstack-launcher pack-merged STAGE PATH LOWER...\n"
                            "       tsstack-launcher remove PATH\n"
                            "       tsstack-launcher wait-lock 3< FILE\n"
                            "       tsstack-launcher flush DIRECTORY [MARK...]\n";

int main(int argc, char **argv)
{
  const char *mode = argc > 1 ? argv[1] : "";
  if (strcmp(mode, "serve") == 0 && argc == 4 && strcmp(argv[2], "--stage") == 0) {
    /* Monitors and inits are forks of this one, under titles of their own: what they need of argv is copied before. */
    char *stage = strdup(argv[3]);
    title_remember(argc, argv);
    return stage == NULL ? 1 : serve(stage);
  }
  if (strcmp(mode, "exec") == 0) return exec_main(argv + 2, (size_t)(argc - 2));
  if (strcmp(mode, "receive") == 0 && argc == 7) return receive_main(argv + 2);
  if (strcmp(mode, "probe-idmap") == 0 && argc == 3) return probe_idmap(argv[2]);
  if (strcmp(mode, "unpack") == 0 && argc == 3) return unpack_main(argv[2]);
  if (strcmp(mode, "pack") == 0) return pack_main(argv + 2, argc - 2);
  if (strcmp(mode, "inherit") == 0 && argc > 2) return inherit_main(argv + 2, argc - 2);
  if (strcmp(mode, "pack-merged") == 0) return pack_merged_main(argv + 2, argc - 2);
  if (strcmp(mode, "remove") == 0 && argc == 3) return remove_main(argv[2]);
  if (strcmp(mode, "wait-lock") == 0 && argc == 2) return wait_lock();
  if (strcmp(mode, "flush") == 0 && argc > 2) return flush_main(argv[2], argv + 3, argc - 3);
  fputs(USAGE, stderr);
  return 2;
}
