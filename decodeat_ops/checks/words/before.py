"""Hold the words of the checks before a deploy, in English and Korean."""

WORDS = {
    # tests
    "tests.recorded": ("Tests of this very code", "이 코드의 테스트 결과"),
    "tests.recorded.why": (
        "A test result speaks only for the code it was made with.",
        "테스트 결과는 그것을 실행한 바로 그 코드에 대해서만 유효합니다.",
    ),
    "tests.passed": (
        "{passed} passed, {skipped} skipped, code {short}",
        "통과 {passed}, 건너뜀 {skipped}, 코드 {short}",
    ),
    "tests.none": ("No test result in {file}", "테스트 결과 없음 ({file})"),
    "tests.none.hint": (
        "Run `make test`; it writes the result. Or set checks.test_results to where it is.",
        "`make test`를 실행하면 결과가 기록됩니다. 다른 곳에 있으면 checks.test_results를 설정하세요.",
    ),
    "tests.untrusted": ("{file} proves nothing: {problem}", "{file}은 증거가 되지 않음: {problem}"),
    "tests.untrusted.hint": (
        "Run `{mend}`, then `make test` to write it anew.",
        "`{mend}` 실행 후 `make test`로 다시 기록하세요.",
    ),
    "tests.unreadable": ("{file} can't be read: {problem}", "{file} 읽기 실패: {problem}"),
    "tests.unreadable.hint": ("Run `make test` to write it anew.", "`make test`로 다시 기록하세요."),
    "tests.other_code": (
        "Tested code {recorded}, deploying {wanted}",
        "테스트한 코드 {recorded}, 배포할 코드 {wanted}",
    ),
    "tests.other_code.hint": (
        "The code changed after the tests ran: run `make test` again.",
        "테스트 이후 코드가 바뀌었습니다. `make test`를 다시 실행하세요.",
    ),
    "tests.failed": ("{failed} failed, {passed} passed", "실패 {failed}, 통과 {passed}"),
    "tests.failed.hint": ("Mend them, then run `make test` again.", "고친 뒤 `make test`를 다시 실행하세요."),
    "tests.empty": ("{file} counts no passed test", "{file}에 통과한 테스트가 없음"),
    "tests.empty.hint": ("Run the whole suite: `make test`.", "전체 테스트를 실행하세요: `make test`."),
    # environment
    "environment.valid": ("Variables accepted by the service", "서비스가 받아들이는 환경 변수"),
    "environment.valid.why": (
        "A wrong or placeholder value shows at start at best, in production at worst.",
        "잘못된 값이나 예시 값은 빠르면 시작할 때, 늦으면 운영 중에 드러납니다.",
    ),
    "environment.complete": (
        "{plain} plain and {secret} secret, all accepted",
        "일반 {plain}개, 비밀 {secret}개 모두 유효",
    ),
    "environment.problems": ("Wrong: {names}", "잘못됨: {names}"),
    "environment.problems.hint": (
        "{first}. {advice} Change it in the settings or the env file.",
        "{first}. {advice} 설정 파일이나 env 파일에서 고치세요.",
    ),
    "environment.refused": ("Settings give no valid values", "설정에서 올바른 값을 얻지 못함"),
    "environment.refused.hint": ("{problem} {advice}", "{problem} {advice}"),
    "environment.silent": ("The service gave no answer: {problem}", "서비스가 답하지 않음: {problem}"),
    "environment.silent.hint": (
        "Its code can't run in its environment; try `decodeat-ops deploy --dry-run`, then look at the lock.",
        "코드가 실행 환경에서 돌지 않습니다. `decodeat-ops deploy --dry-run`과 의존성 잠금을 확인하세요.",
    ),
    # certificate
    "certificate.valid": ("Certificate", "인증서"),
    "certificate.valid.why": (
        "An expired certificate stops every client at once.",
        "인증서가 만료되면 모든 클라이언트가 한꺼번에 끊깁니다.",
    ),
    "certificate.none": ("The {target} target has no TLS", "{target} 대상에는 TLS가 없음"),
    # backups
    "backups.recent": ("A recent backup", "최근 백업"),
    "backups.recent.why": (
        "What was written since the newest backup is lost with the disk.",
        "마지막 백업 이후의 데이터는 디스크와 함께 사라집니다.",
    ),
    "backups.fresh": ("{snapshot}, {hours} h old", "{snapshot}, {hours}시간 전"),
    "backups.old": ("Newest is {hours} h old, limit {limit} h", "가장 최근 백업이 {hours}시간 전, 한도 {limit}시간"),
    "backups.old.hint": ("Run `decodeat-ops backup`.", "`decodeat-ops backup`을 실행하세요."),
    "backups.none": ("There is no backup", "백업이 없음"),
    "backups.none.hint": ("Run `decodeat-ops backup`.", "`decodeat-ops backup`을 실행하세요."),
    "backups.ahead": (
        "No backup but {count} dated in the future, such as {snapshot}",
        "{snapshot} 등 미래 날짜의 백업 {count}개뿐",
    ),
    "backups.ahead.hint": (
        "The clock was ahead when they were made, or is behind now: set it right, then run `decodeat-ops backup`.",
        "백업 당시 시계가 앞섰거나 지금 뒤처져 있습니다. 시계를 맞춘 뒤 `decodeat-ops backup`을 실행하세요.",
    ),
    "backups.first": ("First deploy: nothing to back up yet", "첫 배포: 아직 백업할 것이 없음"),
    "backups.restorable": ("The backup can be restored", "백업 복원 가능"),
    "backups.restorable.why": (
        "A backup that was never restored is a hope.",
        "복원해 보지 않은 백업은 희망일 뿐입니다.",
    ),
    "backups.verified": ("{files} files and database whole, {ms} ms", "파일 {files}개와 데이터베이스 정상, {ms}ms"),
    "backups.partial": ("{snapshot} lacks {count} parts", "{snapshot}에 {count}개가 빠짐"),
    "backups.partial.hint": (
        "{first}. Mend that, then run `decodeat-ops backup`.",
        "{first}. 고친 뒤 `decodeat-ops backup`을 실행하세요.",
    ),
    "backups.foreign": ("{snapshot} is of {deployment}", "{snapshot}은 {deployment}의 백업"),
    "backups.foreign.hint": (
        "Give {ours} a backup.directory of its own, then run `decodeat-ops backup`.",
        "{ours}에 별도의 backup.directory를 주고 `decodeat-ops backup`을 실행하세요.",
    ),
    "backups.damaged": ("{snapshot} is damaged", "{snapshot} 손상됨"),
    "backups.damaged.hint": (
        "{problem} Take a new one: `decodeat-ops backup`.",
        "{problem} 새로 만드세요: `decodeat-ops backup`.",
    ),
    # monitoring and log collection
    "monitoring.targets": ("Monitoring", "모니터링"),
    "monitoring.targets.why": ("What nobody watches fails unseen.", "지켜보지 않으면 고장도 보이지 않습니다."),
    "monitoring.none": ("The {target} target has no monitoring", "{target} 대상에는 모니터링 시스템이 없음"),
    "logs.sink": ("Log collection", "로그 수집"),
    "logs.sink.why": (
        "Logs that stay on the machine are lost with it.",
        "장비에만 남은 로그는 장비와 함께 사라집니다.",
    ),
    "logs.no_sink": ("The {target} target has no log collector", "{target} 대상에는 로그 수집기가 없음"),
    # security
    "security.files": ("Files nobody else can read", "다른 사용자가 읽을 수 없는 파일"),
    "security.files.why": (
        "Secrets, data and private sockets belong to the owner alone.",
        "비밀, 데이터, 내부 소켓은 소유자만 접근해야 합니다.",
    ),
    "security.private": ("{count} private paths, all closed", "비공개 경로 {count}개 모두 닫힘"),
    "security.readable": ("Open to others: {files}", "다른 사용자에게 열림: {files}"),
    "security.readable.hint": (
        "Close them: chmod 600 for files, chmod 700 for directories, chmod go-w for what is above; own them.",
        "닫으세요: 파일은 chmod 600, 디렉터리는 chmod 700, 상위 경로는 chmod go-w. 소유자는 본인이어야 합니다.",
    ),
    "security.settings": ("No debug, no plain secrets", "디버그와 평문 비밀 없음"),
    "security.settings.why": (
        "Debug output and keys in a settings file end up with strangers.",
        "디버그 출력과 설정 파일의 키는 남의 손에 들어갑니다.",
    ),
    "security.plain_ok": ("{count} plain variables, none unsafe", "평문 변수 {count}개, 위험한 것 없음"),
    "security.unsafe": ("Unsafe in [service.environment]: {names}", "[service.environment]에서 위험함: {names}"),
    "security.unsafe.hint": (
        "Turn DEBUG off; move secrets to [service.secrets] as env: or file: references.",
        "DEBUG를 끄고, 비밀은 [service.secrets]에 env: 또는 file: 참조로 옮기세요.",
    ),
    "security.address": ("Address it listens on", "수신 주소"),
    "security.address.why": (
        "On any address but loopback it is open to the network, without TLS.",
        "루프백이 아닌 주소는 TLS 없이 네트워크에 열립니다.",
    ),
    "security.loopback": ("Listens on {host} only", "{host}에서만 수신"),
    "security.reachable": ("Listens on {host}, open to the network", "{host}에서 수신, 네트워크에 열림"),
    "security.reachable.hint": (
        "Put a TLS proxy in front and set local.host to 127.0.0.1.",
        "앞에 TLS 프록시를 두고 local.host를 127.0.0.1로 설정하세요.",
    ),
    "security.origins": ("Private image origins", "내부 이미지 주소 허용"),
    "security.origins.why": (
        "An allowed origin lets image URLs reach inside the network.",
        "허용된 주소로는 이미지 URL이 내부망에 닿을 수 있습니다.",
    ),
    "security.origins_none": ("Only the check's own label, if any", "확인용 라벨 외에는 없음"),
    "security.origins_label": ("Only the known label's: {origins}", "확인용 라벨만: {origins}"),
    "security.origins_open": ("Allowed: {origins}", "허용됨: {origins}"),
    "security.origins_open.hint": (
        "Remove them from IMAGE_ALLOWED_ORIGINS unless these servers are meant.",
        "의도한 서버가 아니면 IMAGE_ALLOWED_ORIGINS에서 빼세요.",
    ),
    "security.user": ("User it runs as", "실행 사용자"),
    "security.user.why": (
        "A hole in a service that runs as root is a hole in the machine.",
        "root로 도는 서비스의 구멍은 장비 전체의 구멍입니다.",
    ),
    "security.not_root": ("Runs as user {uid}, not root", "root가 아닌 사용자 {uid}로 실행"),
    "security.root": ("Runs as root", "root로 실행"),
    "security.root.hint": (
        "Run decodeat-ops as a user of its own; it needs no root.",
        "전용 사용자로 decodeat-ops를 실행하세요. root가 필요 없습니다.",
    ),
    "security.review": ("Review by a person", "담당자 검토"),
    "security.review.why": (
        "Probes find what they know; accepting a risk is a person's decision.",
        "자동 점검은 아는 것만 찾습니다. 위험을 받아들이는 것은 사람의 결정입니다.",
    ),
    # performance
    "performance.baseline": ("Response times as they are now", "현재 응답 시간"),
    "performance.baseline.why": (
        "Slower can only be seen beside what was before.",
        "느려졌는지는 이전 값과 비교해야 보입니다.",
    ),
    "performance.measured": (
        "p50 {p50}, p95 {p95}, p99 {p99} ms; {requests} requests",
        "p50 {p50}, p95 {p95}, p99 {p99}ms, 요청 {requests}건",
    ),
    "performance.slow": ("p95 {p95} ms, limit {limit} ms", "p95 {p95}ms, 한도 {limit}ms"),
    "performance.slow.hint": (
        "What serves is slow already: look at `decodeat-ops logs` and the machine's load.",
        "지금 서비스도 느립니다. `decodeat-ops logs`와 장비 부하를 확인하세요.",
    ),
    "performance.errors": ("{errors} of {requests} requests failed", "요청 {requests}건 중 {errors}건 실패"),
    "performance.errors.hint": (
        "Look at `decodeat-ops status` and `decodeat-ops logs` before you deploy.",
        "배포 전에 `decodeat-ops status`와 `decodeat-ops logs`를 확인하세요.",
    ),
    "performance.first": ("First deploy: nothing serves yet", "첫 배포: 아직 서비스 중인 릴리스 없음"),
    "performance.stopped": ("The service is stopped", "서비스가 중지된 상태"),
    "performance.stopped.hint": ("Start it: `decodeat-ops start`.", "시작하세요: `decodeat-ops start`."),
    # rollback
    "rollback.previous": ("A release to go back to", "되돌아갈 릴리스"),
    "rollback.previous.why": (
        "A way back that lacks a file is found out at the worst moment.",
        "빠진 파일은 가장 나쁜 순간에 드러납니다.",
    ),
    "rollback.ready": ("{release} is whole ({count} checked, {ms} ms)", "{release} 온전함 ({count}개 확인, {ms}ms)"),
    "rollback.first": ("First deploy: nothing to go back to", "첫 배포: 되돌아갈 릴리스 없음"),
    "rollback.crossed": (
        "{release} can't work with today's data",
        "{release}는 현재 데이터로 동작할 수 없음",
    ),
    "rollback.crossed.hint": (
        "A rollback to it is refused: {steps} is not reversible. The way back is `decodeat-ops restore` of an archive "
        "made before that.",
        "되돌릴 수 없는 마이그레이션({steps}) 때문에 롤백이 거부됩니다. 그 전에 만든 백업을 `decodeat-ops restore`로 "
        "복원하세요.",
    ),
    "rollback.will_cross": (
        "After the coming deploy {release} can't work with the data",
        "다음 배포 후에는 {release}가 데이터로 동작할 수 없음",
    ),
    "rollback.will_cross.hint": (
        "{steps} is not reversible. The deploy makes a backup first: `decodeat-ops restore` of it is the way back.",
        "{steps} 마이그레이션은 되돌릴 수 없습니다. 배포가 먼저 만드는 백업을 `decodeat-ops restore`로 복원합니다.",
    ),
    "rollback.changed_files": ("Files of {release} were changed", "{release}의 파일이 변경됨"),
    "rollback.changed_files.hint": (
        "Restore that release from a backup: `decodeat-ops restore latest --only release`.",
        "백업에서 릴리스를 복원하세요: `decodeat-ops restore latest --only release`.",
    ),
    "rollback.no_environment": ("No environment for {release}", "{release}의 실행 환경이 없음"),
    "rollback.no_environment.hint": (
        "A rollback would build it from the lock {lock} first: slow, and it needs the package index.",
        "롤백할 때 잠금 {lock}으로 다시 만들어야 합니다. 느리고 패키지 저장소가 필요합니다.",
    ),
    "rollback.broken_environment": (
        "The environment of {release} doesn't run",
        "{release}의 실행 환경이 동작하지 않음",
    ),
    "rollback.broken_environment.hint": (
        "Remove the environment of lock {lock} and deploy: it is built anew.",
        "잠금 {lock}의 실행 환경을 지우고 배포하면 다시 만들어집니다.",
    ),
    "rollback.owner": ("Data plan and owner", "데이터 계획과 책임자"),
    "rollback.owner.why": (
        "A rollback brings back code, not data; somebody must decide at night.",
        "롤백은 코드만 되돌리고 데이터는 되돌리지 않습니다. 밤에 결정할 사람이 있어야 합니다.",
    ),
    # what only a person can answer
    "manual.open": ("Waits for a person's signature", "담당자 확인 대기 중"),
    "manual.open.hint": (
        "Run the checklist on a terminal and sign it; it holds for code {code}.",
        "터미널에서 체크리스트를 실행해 서명하세요. 코드 {code}에 대해 유효합니다.",
    ),
    "manual.signed": ("Signed by {operator} until {until}", "{operator} 확인, {until}까지"),
}
