/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Policy files: what the administrator wants of which card. */

#include <json-c/json.h>

#include "policy/model.h"

/** wishes_read() - all cards of one file, behind those that @policy has. As quirks_read(). */
int wishes_read(Policy *policy, Report *report, json_object *root);
