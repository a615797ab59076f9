/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One row per step. The same check stands before writing and behind reading: nothing is recorded
 * that the next daemon would not take back. */

#include "base/enum-text.h"
#include "store/internal.h"
#include "store/statement.h"

#define STEP_COLUMNS                                                                                         \
        "operation, position, kind, address, text, text_before, is_recipe, iommu_group,"                     \
        " config_offset, config_value, delay_usec, timeout_usec, registers, access"

static bool step_makes_sense(const Step *step) {
        return address_makes_sense(step->address) && step->iommu_group >= -1 &&
               step->offset < CONFIG_SPACE_SIZE && access_makes_sense(step) && registers_make_sense(step->registers, step->n_registers);
}

bool plan_makes_sense(const Plan *plan) {
        if (plan->n_steps > STEPS_MAX)
                return false;
        for (size_t i = 0; i < plan->n_steps; i++)
                if (!step_makes_sense(&plan->steps[i]))
                        return false;
        return true;
}

static int step_insert(Statement *insert, const char *operation, size_t position, const Step *step) {
        char registers[REGISTERS_TEXT_SIZE], access[ACCESS_TEXT_SIZE];

        statement_put_text(insert, operation, UUID_TEXT_SIZE);
        statement_put_number(insert, position);
        statement_put_text(insert, step_kind_to_string(step->kind), ENUM_TEXT_SIZE);
        statement_put_address(insert, step->address);
        statement_put_field(insert, step->text);
        statement_put_field(insert, step->before);
        statement_put_number(insert, step->is_recipe);
        statement_put_signed(insert, step->iommu_group);
        statement_put_hex(insert, step->offset);
        statement_put_hex(insert, step->value);
        statement_put_duration(insert, step->delay_usec);
        statement_put_duration(insert, step->timeout_usec);
        statement_put_text(insert, registers_format(step->registers, step->n_registers, registers),
                           sizeof(registers));
        statement_put_text(insert, access_format(step, access), sizeof(access));
        return statement_run(insert);
}

int plan_rows_save(sqlite3 *db, const char *operation, const Plan *plan) {
        _cleanup_statement_ Statement clear =
                statement_make(db, "DELETE FROM operation_step WHERE operation = ?");
        _cleanup_statement_ Statement insert = statement_make(db, "INSERT INTO operation_step (" STEP_COLUMNS
                                                                  ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

        statement_put_text(&clear, operation, UUID_TEXT_SIZE);
        int r = statement_run(&clear);
        for (size_t i = 0; r >= 0 && i < plan->n_steps; i++)
                r = step_insert(&insert, operation, i, &plan->steps[i]);
        return r;
}

static void step_take(Statement *get, size_t position, Step *ret_step) {
        char operation[UUID_TEXT_SIZE], registers[REGISTERS_TEXT_SIZE], access[ACCESS_TEXT_SIZE];

        *ret_step = (Step){ 0 };
        statement_take_field(get, operation);
        if (statement_take_number(get, STEPS_MAX) != position)
                statement_fail(get, -EBADMSG);
        ret_step->kind = statement_take_enum(get, step_kind_from_string);
        ret_step->address = statement_take_address(get);
        statement_take_field(get, ret_step->text);
        statement_take_field(get, ret_step->before);
        ret_step->is_recipe = statement_take_flag(get);
        ret_step->iommu_group = (int32_t) statement_take_signed(get, -1, INT32_MAX);
        ret_step->offset = (uint16_t) statement_take_hex(get, CONFIG_SPACE_SIZE - 1);
        ret_step->value = (uint32_t) statement_take_hex(get, UINT32_MAX);
        ret_step->delay_usec = statement_take_duration(get);
        ret_step->timeout_usec = statement_take_duration(get);
        statement_take_field(get, registers);
        statement_take_field(get, access);
        if (access_parse(access, ret_step) < 0 || registers_parse(registers, ret_step->registers, &ret_step->n_registers) < 0 ||
            !step_makes_sense(ret_step))
                statement_fail(get, -EBADMSG);
}

int plan_rows_load(sqlite3 *db, const char *operation, size_t n_steps, Plan *plan) {
        _cleanup_statement_ Statement get = statement_make(
                db, "SELECT " STEP_COLUMNS " FROM operation_step WHERE operation = ? ORDER BY position");
        size_t n = 0;
        int r;

        statement_put_text(&get, operation, UUID_TEXT_SIZE);
        while ((r = statement_next(&get)) > 0) {
                if (n >= n_steps || n >= STEPS_MAX)
                        return -EBADMSG;
                step_take(&get, n, &plan->steps[n]);
                n++;
        }
        if (r < 0)
                return r;
        if (n != n_steps)
                return -EBADMSG;
        plan->n_steps = n;
        return 0;
}
