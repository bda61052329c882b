"""Hold the words of the checks after a deploy, and of probes that end early, in English and Korean."""

WORDS = {
    "release.none": ("Nothing serves", "서비스 중인 릴리스가 없음"),
    "release.none.hint": (
        "Deploy first (`decodeat-ops deploy`), or start it (`decodeat-ops start`).",
        "먼저 배포하거나(`decodeat-ops deploy`) 시작하세요(`decodeat-ops start`).",
    ),
    # health
    "health.edge": ("Health, and which release answers", "헬스체크와 응답 릴리스"),
    "health.edge.why": (
        "A deploy is done when the new release answers, every time.",
        "새 릴리스가 매번 응답해야 배포가 끝난 것입니다.",
    ),
    "health.steady": ("{times} of {times} answers from {release}", "{release}에서 {times}회 모두 응답"),
    "health.unreachable": ("{address} did not answer", "{address} 응답 없음"),
    "health.unreachable.hint": (
        "{seen} See `decodeat-ops status` and `decodeat-ops logs`.",
        "{seen} `decodeat-ops status`와 `decodeat-ops logs`를 확인하세요.",
    ),
    "health.status": ("{address} answered {seen} to /health", "{address} /health 응답 {seen}"),
    "health.status.hint": ("See `decodeat-ops logs`.", "`decodeat-ops logs`를 확인하세요."),
    "health.other_release": ("Release {seen} answered", "다른 릴리스 {seen} 응답"),
    "health.other_release.hint": (
        "{release} should serve at {address}: see `decodeat-ops status`, then deploy again.",
        "{address}에서 {release}가 응답해야 합니다. `decodeat-ops status`를 보고 다시 배포하세요.",
    ),
    # api
    "api.label": ("A known label is read right", "확인용 라벨 판독"),
    "api.label.why": (
        "A service can be healthy and read nothing.",
        "상태가 정상이어도 아무것도 읽지 못할 수 있습니다.",
    ),
    "api.exact": ("All {compared} fields right in {ms} ms", "{compared}개 항목 모두 일치, {ms}ms"),
    "api.read": ("Label read: {outcome} in {ms} ms", "라벨 판독: {outcome}, {ms}ms"),
    "api.unread": ("The label was not read: {outcome}", "라벨을 읽지 못함: {outcome}"),
    "api.unread.hint": (
        "See that checks.label_url shows a label and can be fetched; then `decodeat-ops logs`.",
        "checks.label_url이 라벨이고 내려받을 수 있는지 본 뒤 `decodeat-ops logs`를 확인하세요.",
    ),
    "api.differs": ("{count} of {compared} fields differ", "{compared}개 중 {count}개 항목 불일치"),
    "api.differs.hint": (
        "{first}. Roll back (`decodeat-ops rollback`) if this release reads worse.",
        "{first}. 판독이 나빠졌다면 되돌리세요(`decodeat-ops rollback`).",
    ),
    "api.status": ("/api/v1/analyze answered {code}", "/api/v1/analyze 응답 {code}"),
    "api.status.hint": (
        "401: keys or secrets differ from what it was started with, restart it. 429: wait a minute. Else see the logs.",
        "401이면 키나 비밀값이 시작할 때와 다르니 재시작하세요. 429면 1분 뒤 다시 하세요. 그 외에는 로그를 확인하세요.",
    ),
    "api.not_fetched": ("The label was not fetched: {got}", "라벨을 내려받지 않음: {got}"),
    "api.not_fetched.hint": (
        "The service must be allowed {origin}; deploy again so that it learns of it.",
        "서비스에 {origin}이 허용되어야 합니다. 다시 배포하면 반영됩니다.",
    ),
    "api.port_taken": ("Port {port} for the label is taken", "라벨용 포트 {port} 사용 중"),
    "api.port_taken.hint": (
        "Free it, or give checks.label_url another port and deploy.",
        "포트를 비우거나 checks.label_url의 포트를 바꾸고 배포하세요.",
    ),
    "api.no_key": ("Only digests of keys are known here", "키의 다이제스트만 있어 호출할 수 없음"),
    "api.no_key.hint": (
        "Give one key of API_KEYS in full, or configure JWT_SECRET: the check needs something to show.",
        "API_KEYS 중 하나를 원래 값으로 넣거나 JWT_SECRET을 설정하세요. 점검에 제시할 것이 필요합니다.",
    ),
    "api.no_label": ("checks.label_url is not set", "checks.label_url 미설정"),
    "api.no_label.hint": (
        'Set it to "http://127.0.0.1:8099/known-label.png": the check serves that itself.',
        '"http://127.0.0.1:8099/known-label.png"로 설정하면 점검이 직접 제공합니다.',
    ),
    # response time and errors
    "response.time": ("Response time under steady load", "일정 부하에서 응답 시간"),
    "response.time.why": (
        "A release that got slower fails at the next peak.",
        "느려진 릴리스는 다음 피크에서 무너집니다.",
    ),
    "response.fast": (
        "p95 {p95} ms, limit {limit} ms; {requests} requests",
        "p95 {p95}ms, 한도 {limit}ms, 요청 {requests}건",
    ),
    "response.as_before": ("p95 {p95} ms, before {before} ms", "p95 {p95}ms, 이전 {before}ms"),
    "response.slower": ("p95 {p95} ms, before {before} ms", "p95 {p95}ms, 이전 {before}ms"),
    "response.slower.hint": (
        "Measure again; if it stays, compare logs and think of `decodeat-ops rollback`.",
        "다시 측정하고, 계속되면 로그를 비교한 뒤 `decodeat-ops rollback`을 검토하세요.",
    ),
    "response.slow": ("p95 {p95} ms, limit {limit} ms", "p95 {p95}ms, 한도 {limit}ms"),
    "response.slow.hint": (
        "See `decodeat-ops logs`; `decodeat-ops rollback` brings the previous release back.",
        "`decodeat-ops logs`를 보세요. `decodeat-ops rollback`으로 되돌릴 수 있습니다.",
    ),
    "response.silent": ("None of {requests} requests was answered", "요청 {requests}건 모두 응답 없음"),
    "response.silent.hint": (
        "See `decodeat-ops status`; `decodeat-ops rollback` brings the previous release back.",
        "`decodeat-ops status`를 보세요. `decodeat-ops rollback`으로 되돌릴 수 있습니다.",
    ),
    "response.errors": ("Errors under steady load", "일정 부하에서 오류"),
    "response.errors.why": ("One failed request is one lost customer.", "실패한 요청 하나는 잃은 고객 한 명입니다."),
    "response.clean": ("No error in {requests} requests", "요청 {requests}건 중 오류 없음"),
    "response.errors_seen": ("{errors} of {requests} requests failed", "요청 {requests}건 중 {errors}건 실패"),
    "response.errors_seen.hint": (
        "See `decodeat-ops logs`; `decodeat-ops rollback` brings the previous release back.",
        "`decodeat-ops logs`를 보세요. `decodeat-ops rollback`으로 되돌릴 수 있습니다.",
    ),
    # logs and metrics
    "logs.marker": ("A marked request shows in the log", "표시한 요청의 로그 기록"),
    "logs.marker.why": (
        "Without logs the next failure has no trace.",
        "로그가 없으면 다음 장애의 흔적도 없습니다.",
    ),
    "logs.arrived": (
        "In its own log after {latency_ms} ms; no collector",
        "{latency_ms}ms 뒤 자체 로그에 기록, 수집기 없음",
    ),
    "logs.lost": ("Not in {log} within {seconds} s", "{seconds}초 안에 {log}에 없음"),
    "logs.lost.hint": (
        "See whether the disk is full and the log writable; LOG_LEVEL must be INFO or lower.",
        "디스크 여유와 로그 쓰기 권한을 확인하세요. LOG_LEVEL은 INFO 이하여야 합니다.",
    ),
    "logs.no_room": ("Not in {log}: the disk is full", "{log}에 없음: 디스크가 가득 참"),
    "logs.no_room.hint": (
        "{kib} KiB are free: remove old archives, logs or releases.",
        "여유가 {kib}KiB뿐입니다. 오래된 백업, 로그, 릴리스를 지우세요.",
    ),
    "monitoring.counters": ("Counters move with traffic", "트래픽에 따른 카운터 증가"),
    "monitoring.counters.why": (
        "Alerts on counters that stand still never fire.",
        "멈춘 카운터에 건 알림은 울리지 않습니다.",
    ),
    "metrics.move": ("{sent} sent, {counted} counted, {timed} timed", "보냄 {sent}, 집계 {counted}, 시간 측정 {timed}"),
    "metrics.stuck": (
        "{sent} sent, {counted} counted, {timed} timed",
        "보냄 {sent}, 집계 {counted}, 시간 측정 {timed}",
    ),
    "metrics.stuck.hint": (
        "Workers don't share their counters: see PROMETHEUS_MULTIPROC_DIR and `decodeat-ops logs`.",
        "작업자들이 카운터를 공유하지 않습니다. PROMETHEUS_MULTIPROC_DIR과 `decodeat-ops logs`를 확인하세요.",
    ),
    "metrics.other_release": ("/metrics does not name {release}", "/metrics에 {release} 없음"),
    "metrics.other_release.hint": (
        "Another release or another program answers there: see `decodeat-ops status`.",
        "다른 릴리스나 프로그램이 응답합니다. `decodeat-ops status`를 확인하세요.",
    ),
    # alerts
    "alerts.reach": ("Alerts reach a receiver", "알림 수신"),
    "alerts.reach.why": ("An alert that reaches nobody is no alert.", "아무도 받지 못하는 알림은 알림이 아닙니다."),
    "alerts.none": ("The {target} target has no alert manager", "{target} 대상에는 알림 시스템이 없음"),
    # backup after a deploy
    "backups.scratch": ("Backup and restore, in a scratch place", "임시 공간에서 백업과 복원"),
    "backups.scratch.why": (
        "The new release's data must be restorable from its first day.",
        "새 릴리스의 데이터는 첫날부터 복원할 수 있어야 합니다.",
    ),
    "backups.round_trip": ("{rows} rows out and back in {ms} ms", "{rows}행 백업·복원 일치, {ms}ms"),
    "backups.no_data": ("The service has written no data yet", "서비스가 아직 데이터를 기록하지 않음"),
    "backups.unsound": ("The database is damaged: {problem}", "데이터베이스 손상: {problem}"),
    "backups.unsound.hint": (
        "Restore the last whole backup: `decodeat-ops restore latest --only database`.",
        "마지막 정상 백업을 복원하세요: `decodeat-ops restore latest --only database`.",
    ),
    "backups.unreadable": ("The database can't be read: {problem}", "데이터베이스를 읽을 수 없음: {problem}"),
    "backups.unreadable.hint": (
        "See its file's owner and mode, and whether another program holds it; then ask again.",
        "파일의 소유자와 권한, 잡고 있는 다른 프로그램이 있는지 확인한 뒤 다시 점검하세요.",
    ),
    "backups.miscounted": (
        "{rows} rows copied, {before} to {after} expected",
        "{rows}행 복사, {before}~{after}행이어야 함",
    ),
    "backups.miscounted.hint": (
        "Run the check again; if it stays, backups of this database can't be trusted.",
        "다시 점검하세요. 계속되면 이 데이터베이스의 백업을 믿을 수 없습니다.",
    ),
    "backups.changed": ("What came back differs from what went in", "복원한 내용이 원본과 다름"),
    "backups.changed.hint": (
        "Look at the disk and the memory of this machine; keep the last good backup elsewhere.",
        "장비의 디스크와 메모리를 점검하고, 마지막 정상 백업을 다른 곳에 보관하세요.",
    ),
    # probes that end early
    "probe.stopped": ("Can't tell: {problem}", "확인 불가: {problem}"),
    "probe.stopped.hint": ("{advice}", "{advice}"),
    "probe.broke": ("The probe broke: {kind} at {where}", "점검 오류: {kind} ({where})"),
    "probe.broke.hint": ("{problem}. This is a bug of ours.", "{problem}. 도구의 버그입니다."),
}
