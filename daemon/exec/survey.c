/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exec/survey.h"

#include "base/macros.h"
#include "base/text.h"
#include "core/config-space.h"

int survey_from_reply(const HelperReply *reply, FunctionSurvey *ret_survey) {
        FunctionSurvey survey = { .valid = true, .config_locked = reply->config_locked != 0 };
        size_t size = reply->config_size;

        if (size < 4 || size > sizeof(reply->config))
                return -EBADMSG;
        /* How the kernel prints an override that is not set (driver_override_show()). */
        const char *override = streq(reply->driver_override, "(null)") ? "" : reply->driver_override;
        if (text_copy(survey.driver_override, sizeof(survey.driver_override), override) < 0 ||
            text_copy(survey.power_control, sizeof(survey.power_control), reply->power_control) < 0 ||
            text_copy(survey.d3cold_allowed, sizeof(survey.d3cold_allowed), reply->d3cold_allowed) < 0 ||
            text_copy(survey.reset_method, sizeof(survey.reset_method), reply->reset_method) < 0)
                return -EBADMSG;
        /* The helper has read it twice if need be, and reading resumes: who is silent now is dead. */
        survey.config_dead = config_is_dead(reply->config, size);
        survey.msix_enabled = config_msix_enabled(reply->config, size);
        survey.n_registers = (uint8_t) config_registers(reply->config, size, survey.registers);
        *ret_survey = survey;
        return 0;
}
