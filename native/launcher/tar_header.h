#pragma once

/** Of a tar archive's header where fields are, and how long: tar(5), "POSIX ustar Archives" and "GNU Tar Archives". */
enum {
  BLOCK = 512,

  TAR_NAME = 0,
  TAR_MODE = 100,
  TAR_UID = 108,
  TAR_GID = 116,
  TAR_SIZE = 124,
  TAR_MTIME = 136,
  TAR_CHECKSUM = 148,
  TAR_TYPE = 156,
  TAR_LINK = 157,
  TAR_MAGIC = 257,
  TAR_MAJOR = 329,
  TAR_MINOR = 337,
  TAR_PREFIX = 345,
  TAR_GNU_SPARSE = 386,
  TAR_GNU_EXTENDED = 482,
  TAR_GNU_REAL_SIZE = 483,
  TAR_STAR_TAIL = 508,

  TAR_TEXT_LENGTH = 100,
  TAR_PREFIX_LENGTH = 155,
  TAR_SHORT_LENGTH = 8,
  TAR_NUMBER_LENGTH = 12,
};
