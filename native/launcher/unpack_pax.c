#include "unpack_pax.h"

#include "fail.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Of a sparse file's pieces: 16 MiB of memory. */
enum { EXTENTS_MAX = 1024 * 1024 };

static int parse_record(struct pax *pax, char **next, char *end);
static int store(struct pax *pax, char *key, char *value, size_t size);

int pax_parse(struct pax *pax, char *text, size_t size)
{
  pax->text = text;
  for (char *next = text, *end = text + size; next < end && *next != '\0';)
    if (parse_record(pax, &next, end) < 0) return -1;
  return 0;
}

void pax_free(struct pax *pax)
{
  free(pax->text);
  free(pax->xattrs);
  free(pax->sparse.list);
  *pax = (struct pax){0};
}

int extents_add(struct extents *extents, uint64_t offset, uint64_t size)
{
  if (extents->count == extents->room) {
    size_t room = extents->room == 0 ? 64 : 2 * extents->room;
    struct extent *grown = room > EXTENTS_MAX ? NULL : realloc(extents->list, room * sizeof *grown);
    if (grown == NULL) return fail("header", E2BIG, "too many pieces of a sparse file");
    extents->list = grown;
    extents->room = room;
  }
  extents->list[extents->count++] = (struct extent){.offset = offset, .size = size};
  return 0;
}

int parse_decimal(const char *text, size_t length, uint64_t *number)
{
  *number = 0;
  if (length == 0) return -1;
  for (size_t i = 0; i < length; i++) {
    if (!isdigit((unsigned char)text[i])) return -1;
    if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, text[i] - '0', number))
      return -1;
  }
  return 0;
}

static int bad(const char *what)
{
  return fail("header", EINVAL, "extended header: %.64s", what);
}

/** `LENGTH KEY=VALUE\n`; the length counts itself, and values may hold anything. */
static int parse_record(struct pax *pax, char **next, char *end)
{
  char *space = memchr(*next, ' ', (size_t)(end - *next));
  uint64_t length;
  if (space == NULL || parse_decimal(*next, (size_t)(space - *next), &length) < 0) return bad("no length");
  if (length > (uint64_t)(end - *next) || *next + length < space + 3) return bad("wrong length");
  char *last = *next + length - 1, *key = space + 1;
  char *equals = memchr(key, '=', (size_t)(last - key));
  if (equals == NULL || *last != '\n' || memchr(key, '\0', (size_t)(equals - key)) != NULL) return bad("wrong record");
  *equals = *last = '\0';
  *next = last + 1;
  return store(pax, key, equals + 1, (size_t)(last - equals - 1));
}

/** Seconds with a fraction, maybe negative: `-1.5` is half a second before -1. */
static int parse_time(const char *text, struct timespec *time)
{
  bool negative = *text == '-';
  text += negative;
  size_t digits = strspn(text, "0123456789");
  uint64_t seconds;
  if (parse_decimal(text, digits, &seconds) < 0 || seconds > INT64_MAX) return bad("mtime");
  long nanoseconds = 0;
  const char *fraction = text + digits + (text[digits] == '.');
  for (long unit = 100000000; unit > 0 && isdigit((unsigned char)*fraction); unit /= 10)
    nanoseconds += (*fraction++ - '0') * unit;
  time->tv_sec = negative ? -(time_t)seconds : (time_t)seconds;
  time->tv_nsec = nanoseconds;
  if (negative && nanoseconds > 0) {
    time->tv_sec--;
    time->tv_nsec = 1000000000 - nanoseconds;
  }
  return 0;
}

/** An empty value takes back what another header said (pax(1)). */
static int store_text(char **field, char *value, size_t size, const char *key)
{
  if (memchr(value, '\0', size) != NULL) return bad(key);
  *field = size == 0 ? NULL : value;
  return 0;
}

static int store_number(bool *has, uint64_t *field, const char *value, size_t size, const char *key)
{
  *has = size > 0;
  return size > 0 && parse_decimal(value, size, field) < 0 ? bad(key) : 0;
}

static int add_xattr(struct pax *pax, char *name, void *value, size_t size)
{
  struct xattr *grown = realloc(pax->xattrs, (pax->xattr_count + 1) * sizeof *grown);
  if (grown == NULL) return fail("header", ENOMEM, "extended attributes");
  pax->xattrs = grown;
  pax->xattrs[pax->xattr_count++] = (struct xattr){.name = name, .value = value, .size = size};
  return 0;
}

static int hex_digit(char c)
{
  const char *digits = "0123456789abcdef", *found = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));
  return found == NULL ? -1 : (int)(found - digits);
}

/** `%41` is `A`; in place. */
static void decode_percent(char *text)
{
  char *to = text;
  for (char *from = text; *from != '\0'; from++) {
    int high = *from == '%' ? hex_digit(from[1]) : -1;
    int low = high < 0 ? -1 : hex_digit(from[2]);
    if (low > 0 || (low == 0 && high > 0)) {
      *to++ = (char)(high << 4 | low);
      from += 2;
    } else
      *to++ = *from;
  }
  *to = '\0';
}

/** RFC 4648, in place; whatever isn't of its alphabet ends it. */
static size_t decode_base64(char *text)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t length = 0;
  unsigned bits = 0, count = 0;
  for (const char *next = text, *found; *next != '\0' && (found = strchr(alphabet, *next)) != NULL; next++) {
    bits = bits << 6 | (unsigned)(found - alphabet);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    text[length++] = (char)(bits >> count);
  }
  return length;
}

/** Of format 0.1: `offset,size,offset,size…` */
static int parse_map(struct pax *pax, const char *text)
{
  pax->sparse.count = 0;
  while (*text != '\0') {
    uint64_t numbers[2];
    for (int i = 0; i < 2; i++) {
      size_t length = strcspn(text, ",");
      if (parse_decimal(text, length, &numbers[i]) < 0) return bad("GNU.sparse.map");
      text += length + (text[length] == ',');
    }
    if (extents_add(&pax->sparse, numbers[0], numbers[1]) < 0) return -1;
  }
  return 0;
}

static int store_sparse(struct pax *pax, const char *key, char *value, size_t size)
{
  uint64_t number = 0;
  pax->has_sparse = true;
  if (strcmp(key, "name") == 0) return store_text(&pax->sparse_name, value, size, key);
  if (strcmp(key, "map") == 0) return parse_map(pax, value);
  if (parse_decimal(value, size, &number) < 0) return bad(key);
  if (strcmp(key, "major") == 0) pax->sparse_major = (unsigned)number;
  if (strcmp(key, "minor") == 0) pax->sparse_minor = (unsigned)number;
  if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
    pax->has_real_size = true;
    pax->real_size = number;
  }
  /* Of format 0.0: a pair of records for each piece. */
  if (strcmp(key, "offset") == 0) return extents_add(&pax->sparse, number, 0);
  if (strcmp(key, "numbytes") == 0) {
    if (pax->sparse.count == 0) return bad(key);
    pax->sparse.list[pax->sparse.count - 1].size = number;
  }
  return 0;
}

static int store(struct pax *pax, char *key, char *value, size_t size)
{
  static const char SCHILY[] = "SCHILY.xattr.", LIBARCHIVE[] = "LIBARCHIVE.xattr.", SPARSE[] = "GNU.sparse.";
  if (strcmp(key, "path") == 0) return store_text(&pax->path, value, size, key);
  if (strcmp(key, "linkpath") == 0) return store_text(&pax->link, value, size, key);
  if (strcmp(key, "size") == 0) return store_number(&pax->has_size, &pax->size, value, size, key);
  if (strcmp(key, "uid") == 0) return store_number(&pax->has_uid, &pax->uid, value, size, key);
  if (strcmp(key, "gid") == 0) return store_number(&pax->has_gid, &pax->gid, value, size, key);
  if (strcmp(key, "mtime") == 0) {
    pax->has_mtime = size > 0;
    return size > 0 ? parse_time(value, &pax->mtime) : 0;
  }
  if (strncmp(key, SCHILY, sizeof SCHILY - 1) == 0) return add_xattr(pax, key + sizeof SCHILY - 1, value, size);
  if (strncmp(key, LIBARCHIVE, sizeof LIBARCHIVE - 1) == 0) {
    decode_percent(key);
    return add_xattr(pax, key + sizeof LIBARCHIVE - 1, value, decode_base64(value));
  }
  if (strncmp(key, SPARSE, sizeof SPARSE - 1) == 0) return store_sparse(pax, key + sizeof SPARSE - 1, value, size);
  return 0;
}
