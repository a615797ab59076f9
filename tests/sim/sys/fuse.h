/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tree as a file system. */

/**
 * files_serve() - mount the tree on @mountpoint and serve it until the harness hangs up
 *
 * Tells the harness "!ready" once it is mounted. Return: 0 or a negative errno, which has been printed.
 */
int files_serve(const char *mountpoint);
