#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/*
 * The directory that is extracted into. INVARIANTS
 * - Every name is created in a directory that was opened by openat2(2) below the root, through no symbolic link and no
 * mount. What links in the archive lead to is worked out here, as if the root were `/`: `..` ends there.
 * - Nobody else changes it meanwhile.
 */

/** Where an entry goes: a name without slash in an open directory, which is the tree's. */
struct place {
  int parent;
  /** In the string that was given. Empty: the root itself. */
  const char *name;
};

int tree_open(const char *directory);
/** What happens with directories above that are missing: ENOENT; they are made; so, but not in place of what this layer
 * has there. */
enum missing { MISSING_REFUSED, MISSING_MADE, MISSING_MADE_IF_SHOWN };
/**
 * Finds the place of `path`, which is changed: leading slashes go. Refuses `..`. The place is good until the next call.
 * 1: with MISSING_MADE_IF_SHOWN, what this layer has above it hides all that lower ones have there.
 */
int tree_find(char *path, enum missing missing, struct place *place);
/** Removes what is at the place, whatever it is. Nothing there: nothing happens. */
int tree_clear(const struct place *place);
/** Makes it a directory, and hides what lower layers have there if this one said so before. A descriptor to be closed,
 * or -1. */
int tree_directory(const struct place *place);
/** The directory at the place shows nothing of lower layers. */
int tree_opaque(int directory);
/** Whether no entry was there for it. */
bool tree_is_implicit(int directory);
/** Whether the root is so. overlayfs doesn't look there. */
bool tree_is_opaque(void);
/** What lower layers have at the place is hidden: by a whiteout, or by what this layer has there itself. */
int tree_whiteout(const struct place *place);

/** To be set when all is extracted, since it changes with what is put in. Of the directory at a place just found. */
int tree_time_later(const struct place *place, struct timespec time);
/** Sets those times. Tells of each directory that no entry was there for. */
int tree_finish(int (*tell_implicit)(const char *path));
