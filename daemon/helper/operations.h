/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the helper can do. All of the form of Operation. */

#include "helper/helper.h"

/* survey.c */
int operation_survey(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* nodes.c */
int operation_nodes_free(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* group.c */
int operation_group_free(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* attribute.c */
int operation_write_attribute(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* driver.c */
int operation_unbind(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_bind(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_probe(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* config.c */
int operation_alive(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* recipe.c */
int operation_save_config(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_write_config(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_delay(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_restore_config(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_verify_config(Helper *helper, const HelperRequest *request, HelperReply *reply);

/* guard.c */
int operation_guard_set(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_guard_clear(Helper *helper, const HelperRequest *request, HelperReply *reply);

/** operations_capabilities() - all that some operation needs. */
uint64_t operations_capabilities(void);

/** operation_run() - check @request, do it, fill in @ret_reply. Only meanwhile are the operation's capabilities in force. */
void operation_run(Helper *helper, const HelperRequest *request, HelperReply *ret_reply);
/* wake-alarm.c */
int operation_wake_alarm(Helper *helper, const HelperRequest *request, HelperReply *reply);
