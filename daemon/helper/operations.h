/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the helper can do. All of the form of Operation. */

#include "helper/helper.h"

/* survey.c */
int operation_survey(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* isolation.c */
int operation_read_port(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_read_group(Helper *helper, const HelperRequest *request, HelperReply *reply);
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
int operation_restore_config(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_verify_config(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* delay.c */
int operation_delay(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* register.c */
int operation_check_register(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_poll_register(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_write_register(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_differ_register(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* function-reset.c */
int operation_function_reset(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* vendor-reset.c */
int operation_vendor_reset(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* power.c */
int operation_d3hot(Helper *helper, const HelperRequest *request, HelperReply *reply);

/* guard.c */
int operation_guard_set(Helper *helper, const HelperRequest *request, HelperReply *reply);
int operation_guard_clear(Helper *helper, const HelperRequest *request, HelperReply *reply);

/** operations_capabilities() - all that some operation needs. */
uint64_t operations_capabilities(void);

/** operation_run() - check @request, do it, fill in @ret_reply. Only meanwhile are the operation's capabilities in force. */
void operation_run(Helper *helper, const HelperRequest *request, HelperReply *ret_reply);
/* wake-alarm.c */
int operation_wake_alarm(Helper *helper, const HelperRequest *request, HelperReply *reply);
/* remove-rescan.c */
int operation_remove_rescan(Helper *helper, const HelperRequest *request, HelperReply *reply);
