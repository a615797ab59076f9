/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Small files and links of /sys and /proc, read bounded. Names are relative to a folder's
 * descriptor, so that what is read comes from one device or process even if its name is taken anew.
 */

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/**
 * attribute_read() - one short file, trailing white space cut off
 * @dir: descriptor of a folder, or AT_FDCWD
 *
 * Return: 0; -ENOBUFS when it is longer than @size allows; -ENOENT or -ENODEV when it is not there.
 */
int attribute_read(int dir, const char *name, char *buffer, size_t size);

/** attribute_read_head() - as attribute_read(), but what does not fit is left out. */
int attribute_read_head(int dir, const char *name, char *buffer, size_t size);

/** attribute_read_uint() - a number and nothing else. -EINVAL for other text, -ERANGE over @max. */
int attribute_read_uint(int dir, const char *name, int base, uint64_t max, uint64_t *ret_value);

/** link_read_name() - the last component of what a link points to. */
int link_read_name(int dir, const char *name, char *buffer, size_t size);

/** folder_open() - a folder to be read with readdir(). NULL, with errno set, on failure. */
DIR *folder_open(int dir, const char *name);
DEFINE_CLEANUP(DIR *, closedir)

/** text_make_printable() - every byte that is not printable ASCII becomes '?'. Returns @s. */
char *text_make_printable(char *s);
