/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The attribute `reset_method` of a function, and who may write what into it. */

#include "helper/helper.h"

/** reset_methods_are_valid() - methods that Linux knows, each once, with one blank between. */
bool reset_methods_are_valid(const char *list);

/**
 * reset_methods_write() - write a valid list, and look whether the kernel has taken it
 *
 * What is there already is not written again. A list of nothing but bus resets is only put back where this process has
 * found it: with such a list everybody's function reset is one.
 *
 * Return: 0; -EIO when it reads otherwise afterwards; -EINVAL by the rule 'reset-method'; other negative errno.
 * reply->message is set.
 */
int reset_methods_write(Helper *helper, const HelperRequest *request, HelperReply *reply);
