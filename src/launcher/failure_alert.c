/*-------------------------------------------------------------------------
 *
 * failure_alert.c
 *	  When the launcher queues failure_command for a failed run.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "launcher/failure_alert.h"
#include "settings.h"
#include "util/clock.h"
#include "worker/run_report.h"

/* Minimum interval between alerts about the same subject. */
#define TELL_SECONDS		3600

/* Has failure_command itself crashed the server too often? */
static bool
is_given_up(Breaker *breaker, const RunRequest *alert)
{
	Verdict		verdict = breaker_judge(breaker, alert);

	if (verdict == VERDICT_GIVE_UP)
		report_failure(alert, breaker_error(alert));
	return verdict != VERDICT_BEGIN;
}

/*
 * Queue a failure_command run for a failed run, at most once an hour.
 * *told_at is the time of the previous one, on clock_seconds(), or 0.
 */
void
failure_alert_submit(Breaker *breaker, const Run *failed, double *told_at)
{
	double		now = clock_seconds();
	RunRequest	alert = {.kind = KIND_ALERT};

	if (setting_failure_command[0] == '\0' ||
		failed->outcome.error.sqlerrcode == ERRCODE_QUERY_CANCELED ||
		(*told_at > 0 && now - *told_at < TELL_SECONDS))
		return;
	/* a snapshot that is there has failed its verification */
	alert.failed_kind = failed->outcome.published ? KIND_VERIFY :
		failed->request.kind;
	alert.attempt = failed->request.attempt;
	strlcpy(alert.database, failed->request.database, sizeof(alert.database));
	strlcpy(alert.name, failed->request.name, sizeof(alert.name));
	if (is_given_up(breaker, &alert))
		return;
	if (state_submit_alert(&alert, &failed->outcome.error))
		*told_at = now;
	else
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not queue failure_command: too many alerts are pending")));
}
