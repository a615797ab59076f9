/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the report on a card's isolation is made of. Only read: a bridge's configuration space can wake it, and wait for a
 * reset, and an IOMMU group's attributes wait for whoever changes the group.
 */

#include <string.h>

#include "base/text.h"
#include "helper/config.h"
#include "helper/files.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

int operation_read_port(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        size_t size = 0;

        int r = rules_check_upstream(helper, request->address, reply);
        if (r < 0)
                return r;
        r = config_read_whole(helper, request->address, reply->config, &size, reply);
        if (r < 0)
                return r;
        reply->config_size = (uint32_t) size;
        return 0;
}

int operation_read_group(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], name[PATH_TEXT_SIZE], type[ATTRIBUTE_VALUE_SIZE] = "", regions[MESSAGE_TEXT_SIZE] = "";

        int r = rules_check_group(helper, request->address, request->iommu_group, reply);
        if (r < 0)
                return r;
        /* Not on every kernel: what is not there is not known. */
        (void) text_format(name, sizeof(name), "/sys/kernel/iommu_groups/%d/type", request->iommu_group);
        r = root_path(helper, name, path);
        if (r == 0)
                r = file_read(path, type, sizeof(type));
        if (r < 0 && r != -ENOENT)
                return reply_fail(reply, r, "cannot read %s: %s", path, strerror(-r));
        (void) text_format(name, sizeof(name), "/sys/kernel/iommu_groups/%d/reserved_regions", request->iommu_group);
        r = root_path(helper, name, path);
        if (r == 0)
                r = file_read(path, regions, sizeof(regions) - sizeof(type));
        if (r < 0 && r != -ENOENT)
                return reply_fail(reply, r, "cannot read %s: %s", path, strerror(-r));
        (void) text_format(reply->message, sizeof(reply->message), "%s\n%s", type, regions);
        return 0;
}
