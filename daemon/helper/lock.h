/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One actor per card: the lock that a helper holds for as long as it lives. */

#include "helper/helper.h"

/**
 * lock_take() - take the exclusive lock on @path and write "PID START-TIME" into it
 * @ret_fd: to be kept open; the lock goes with it
 *
 * Return: 0, with our own "PID START-TIME" in reply->message; -EBUSY with the holder's; other negative
 * errno with a reason.
 */
int lock_take(const char *path, int *ret_fd, HelperReply *reply);

/** lock_begun() - a request begins now: the lock file's modification time tells a later daemon since when we are in it. */
void lock_begun(int fd);
