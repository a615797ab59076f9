/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A function's configuration space, through its file in /sys. */

#include "helper/helper.h"

/**
 * config_open() - open the file
 * @flags: O_RDONLY or O_RDWR
 *
 * Return: a descriptor that the caller owns, or negative errno with reply->message set.
 */
int config_open(const Helper *helper, PciAddress address, int flags, HelperReply *reply);

/**
 * config_read() - all that can be read
 * @ret_size: 64 without CAP_SYS_ADMIN, else 256 or 4096
 *
 * A function that answers with all ones is asked once more: the first read may have been what woke it.
 *
 * Return: 0, or negative errno with reply->message set.
 */
int config_read(int fd, PciAddress address, uint8_t ret_bytes[static CONFIG_SPACE_SIZE], size_t *ret_size,
                HelperReply *reply);

/** config_read_whole() - config_open() and config_read(); -EPERM when only the first 64 bytes are shown. */
int config_read_whole(const Helper *helper, PciAddress address, uint8_t ret_bytes[static CONFIG_SPACE_SIZE],
                      size_t *ret_size, HelperReply *reply);

/** config_write() - one register of 1, 2 or 4 bytes, as one write(). Return: 0, or negative errno with message: never
 * -EBUSY or -EINVAL, which are for refusals before anything is written. */
int config_write(int fd, PciAddress address, size_t offset, size_t width, uint32_t value, HelperReply *reply);

/** config_value() - a register out of a copy; the caller has checked the bounds. */
uint32_t config_value(const uint8_t *bytes, size_t offset, size_t width);

/** config_check_alive() - Return: 0; -ENXIO "... reads all ones"; other negative errno. reply->message is
 * set. */
int config_check_alive(const Helper *helper, PciAddress address, HelperReply *reply);
