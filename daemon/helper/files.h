/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The few ways in which the helper reads and writes files of /sys. */

#include "helper/helper.h"

/** root_path() - "/..." below the helper's root. Return: 0 or -ENAMETOOLONG. */
int root_path(const Helper *helper, const char *path, char ret_path[static PATH_TEXT_SIZE]);

/** device_path() - the file @name of a function's folder. Return: 0 or -ENAMETOOLONG. */
int device_path(const Helper *helper, PciAddress address, const char *name,
                char ret_path[static PATH_TEXT_SIZE]);

/** file_read() - a short text file, chomped. Return: 0; -ENOBUFS if it does not fit; other negative errno. */
int file_read(const char *path, char *buffer, size_t size);

/**
 * file_write() - one write() of @value, which must not be empty
 *
 * Return: 0, or negative errno with file, value and reason in reply->message.
 */
int file_write(const char *path, const char *value, HelperReply *reply);

/**
 * bound_driver() - the name that the function's `driver` link ends in, "" for none
 *
 * Return: 0; -ENODEV when there is no such function; other negative errno. reply->message is set.
 */
int bound_driver(const Helper *helper, PciAddress address, char ret_driver[static DRIVER_NAME_SIZE],
                 HelperReply *reply);
