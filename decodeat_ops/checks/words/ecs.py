"""Hold the words of the checks that only ECS has, in English and Korean."""

WORDS = {
    # what a deploy needs
    "ecs.identity": ("AWS account", "AWS 계정"),
    "ecs.identity.why": (
        "A deploy to another account than the one that was meant is noticed too late.",
        "의도하지 않은 계정에 배포하면 너무 늦게 알게 됩니다.",
    ),
    "ecs.caller": ("{caller} in {account}, {region}", "{account}, {region}의 {caller}"),
    "ecs.endpoint": ("AWS itself is called", "AWS를 직접 호출"),
    "ecs.endpoint.why": (
        "Whoever answers in the place of AWS is given every secret.",
        "AWS 대신 응답하는 서버는 모든 비밀을 받게 됩니다.",
    ),
    "ecs.itself": ("AWS's own addresses in {region}", "{region}의 AWS 주소 사용"),
    "ecs.overridden": ("Calls go to {endpoint}, not to AWS", "AWS가 아닌 {endpoint} 호출"),
    "ecs.overridden.hint": (
        "It is meant for an emulator: remove ecs.endpoint where AWS itself is meant.",
        "에뮬레이터용 설정입니다. 실제 AWS라면 ecs.endpoint를 지우세요.",
    ),
    "ecs.platform": ("Cluster and log group", "클러스터와 로그 그룹"),
    "ecs.platform.why": ("Without them no task starts.", "없으면 태스크가 시작되지 않습니다."),
    "ecs.roles": ("Roles of the tasks", "태스크 역할"),
    "ecs.roles.why": (
        "A task whose role is missing or trusts nobody never starts.",
        "역할이 없거나 신뢰 정책이 틀리면 태스크가 시작되지 않습니다.",
    ),
    "ecs.registry": ("Image registry", "이미지 레지스트리"),
    "ecs.registry.why": (
        "An image that can't be pushed or pulled stops a deploy half-way.",
        "이미지를 올리거나 받을 수 없으면 배포가 도중에 멈춥니다.",
    ),
    "ecs.secrets": ("Secrets in AWS", "AWS의 비밀"),
    "ecs.secrets.why": (
        "A task whose secret or JSON key is missing never starts.",
        "비밀이나 JSON 키가 없으면 태스크가 시작되지 않습니다.",
    ),
    "ecs.network": ("Subnets and target groups", "서브넷과 대상 그룹"),
    "ecs.network.why": (
        "A task that the load balancer can't reach is replaced for ever.",
        "로드 밸런서가 닿지 못하는 태스크는 끝없이 교체됩니다.",
    ),
    "ecs.engine": ("Docker engine", "Docker 엔진"),
    "ecs.engine.why": (
        "Without an engine no image can be built or pushed.",
        "엔진이 없으면 이미지를 만들거나 올릴 수 없습니다.",
    ),
    "ecs.rights": ("Your rights in AWS", "AWS 권한"),
    "ecs.rights.why": (
        "A right that is missing stops a deploy half-way.",
        "권한이 없으면 배포가 도중에 멈춥니다.",
    ),
    "ecs.quota": ("Fargate quota", "Fargate 할당량"),
    "ecs.quota.why": (
        "A deploy runs old and new tasks side by side for some minutes.",
        "배포 중에는 이전 태스크와 새 태스크가 함께 실행됩니다.",
    ),
    "ecs.ready": ("All there in {region}", "{region}에 모두 준비됨"),
    "ecs.lacks": ("{count} problems", "문제 {count}건"),
    "ecs.lacks.hint": ("{problems}.", "{problems}."),
    "ecs.unsure": ("Not certain", "확실하지 않음"),
    "ecs.unsure.hint": ("{problems}.", "{problems}."),
    "ecs.denied": ("May not look: {operation} is denied", "조회 불가: {operation} 권한 없음"),
    "ecs.denied.hint": (
        "Allow {operation} to whoever runs this. What each command needs is in docs/policies in the source, in "
        "decodeat_ops/policies where it is installed.",
        "실행하는 주체에 {operation}을 허용하세요. "
        "명령별 권한은 소스의 docs/policies, 설치된 곳의 decodeat_ops/policies에 있습니다.",
    ),
    # the service
    "ecs.deployment": ("One deployment, complete", "배포 하나로 완료"),
    "ecs.deployment.why": (
        "While a deployment goes on, or was rolled back, another release serves.",
        "배포 중이거나 되돌려졌다면 다른 릴리스가 서비스합니다.",
    ),
    "ecs.complete": ("{runs}, {running} of {desired} tasks", "{runs}, 태스크 {running}/{desired}"),
    "ecs.failed": ("The deployment of {runs} failed", "{runs} 배포 실패"),
    "ecs.failed.hint": (
        "{why}. See `decodeat-ops status` and `decodeat-ops logs`, mend it and deploy again.",
        "{why}. `decodeat-ops status`와 `decodeat-ops logs`를 보고 고친 뒤 다시 배포하세요.",
    ),
    "ecs.under_way": ("A deployment to {runs} is under way", "{runs}(으)로 배포 진행 중"),
    "ecs.under_way.hint": (
        "{count} deployments are listed: wait until `decodeat-ops status` shows one, then ask again.",
        "배포 {count}개가 있습니다. `decodeat-ops status`에 하나만 남으면 다시 점검하세요.",
    ),
    "ecs.other_release": ("{runs} runs", "{runs} 실행 중"),
    "ecs.other_release.hint": (
        "{release} should: somebody or ECS itself changed the service. See `decodeat-ops status`, then deploy again.",
        "{release}이어야 합니다. 누군가 또는 ECS가 바꿨습니다. `decodeat-ops status`를 보고 다시 배포하세요.",
    ),
    "ecs.too_few": ("{running} of {desired} tasks run", "태스크 {desired}개 중 {running}개 실행"),
    "ecs.too_few.hint": (
        "`decodeat-ops status` shows why tasks ended; `decodeat-ops logs` what they said.",
        "`decodeat-ops status`는 종료 이유를, `decodeat-ops logs`는 출력을 보여 줍니다.",
    ),
    "ecs.targets": ("Targets are healthy", "대상 상태 정상"),
    "ecs.targets.why": (
        "The load balancer sends requests to healthy targets alone.",
        "로드 밸런서는 정상 대상에만 요청을 보냅니다.",
    ),
    "ecs.no_balancer": ("No application load balancer", "애플리케이션 로드 밸런서 없음"),
    "ecs.healthy": ("All {count} healthy", "{count}개 모두 정상"),
    "ecs.starting": ("{healthy} of {count} healthy, others start", "{count}개 중 {healthy}개 정상, 나머지 시작 중"),
    "ecs.starting.hint": (
        "Ask again in a minute: tasks were started a moment ago, by autoscaling or after a failure.",
        "1분 뒤 다시 점검하세요. 오토스케일링이나 장애로 방금 시작된 태스크가 있습니다.",
    ),
    "ecs.sick": ("{healthy} of {count} healthy", "{count}개 중 {healthy}개 정상"),
    "ecs.sick.hint": (
        "{sick}. See that security groups let the load balancer reach port 8000; then `decodeat-ops logs`.",
        "{sick}. 보안 그룹이 로드 밸런서의 8000 포트를 허용하는지 보고 `decodeat-ops logs`를 확인하세요.",
    ),
    "ecs.alarms": ("Alarms are quiet", "경보 울리지 않음"),
    "ecs.alarms.why": (
        "An alarm that rings before a deploy can't end that deploy.",
        "배포 전에 이미 울린 경보는 그 배포를 멈추지 못합니다.",
    ),
    "ecs.no_alarms": ("ecs.alarms names none", "ecs.alarms에 경보 없음"),
    "ecs.no_alarms.hint": (
        "Name alarms there: ECS ends a deployment and goes back when one rings.",
        "경보를 지정하면 울릴 때 ECS가 배포를 멈추고 되돌립니다.",
    ),
    "ecs.alarms_quiet": ("All {count} OK", "{count}개 모두 정상"),
    "ecs.alarm_rings": ("{names} rings", "{names} 울림"),
    "ecs.alarm_rings.hint": ("{why}", "{why}"),
    "ecs.alarm_blind": ("{names} has no data", "{names} 데이터 없음"),
    "ecs.alarm_blind.hint": (
        "See whether its metric still exists, and how it treats missing data.",
        "지표가 아직 있는지, 누락 데이터를 어떻게 처리하는지 확인하세요.",
    ),
    "ecs.alarm_missing": ("There is no alarm {names}", "{names} 경보 없음"),
    "ecs.alarm_missing.hint": (
        "Make it in CloudWatch, or take its name out of ecs.alarms.",
        "CloudWatch에 만들거나 ecs.alarms에서 빼세요.",
    ),
    "ecs.alarms_told": ("All {count} have a receiver", "{count}개 모두 수신자 있음"),
    "ecs.alarm_mute": ("{names} tells nobody", "{names} 수신자 없음"),
    "ecs.alarm_mute.hint": (
        "Give it an action, such as a topic of SNS that somebody reads.",
        "누군가 받는 SNS 주제 같은 작업을 연결하세요.",
    ),
    # metrics
    "ecs.errors": ("Errors that clients saw", "클라이언트가 겪은 오류"),
    "ecs.errors.why": (
        "The load balancer counts every request, also those that no check sends.",
        "로드 밸런서는 점검이 보내지 않은 요청까지 모두 셉니다.",
    ),
    "ecs.no_errors": ("None in {requests} requests, {minutes} min", "{minutes}분간 {requests}건 중 없음"),
    "ecs.errors_seen": (
        "{errors} of {requests} in {minutes} min ({percent} %)",
        "{minutes}분간 {requests}건 중 {errors}건 ({percent}%)",
    ),
    "ecs.errors_seen.hint": (
        "See `decodeat-ops logs`; `decodeat-ops rollback` brings the previous release back.",
        "`decodeat-ops logs`를 보세요. `decodeat-ops rollback`으로 되돌릴 수 있습니다.",
    ),
    "ecs.refused": (
        "The balancer itself refused {refused} in {minutes} min",
        "{minutes}분간 로드 밸런서 자체 오류 {refused}건",
    ),
    "ecs.refused.hint": (
        "Tasks were missing or cut connections off, here or in another service behind it: see `decodeat-ops status`.",
        "같은 로드 밸런서 뒤에서 태스크가 없거나 연결을 끊었습니다. `decodeat-ops status`를 보세요.",
    ),
    "ecs.latency": ("Response time that clients saw", "클라이언트가 겪은 응답 시간"),
    "ecs.latency.why": (
        "Only clients' own requests show what analyses take.",
        "분석에 걸리는 시간은 실제 요청에서만 보입니다.",
    ),
    "ecs.measured": ("p95 {p95} ms in {minutes} min", "{minutes}분간 p95 {p95}ms"),
    "ecs.as_before": ("p95 {p95} ms, the hour before {before} ms", "p95 {p95}ms, 이전 1시간 {before}ms"),
    "ecs.slower": ("p95 {p95} ms, the hour before {before} ms", "p95 {p95}ms, 이전 1시간 {before}ms"),
    "ecs.slower.hint": (
        "Compare `decodeat-ops logs` of both releases; if it stays, think of `decodeat-ops rollback`.",
        "두 릴리스의 `decodeat-ops logs`를 비교하고, 계속되면 `decodeat-ops rollback`을 검토하세요.",
    ),
    "ecs.too_early": ("Serves for {seconds} s: not measured yet", "서비스 {seconds}초째: 아직 측정 전"),
    "ecs.no_traffic": ("No request in {minutes} min", "{minutes}분간 요청 없음"),
    "ecs.not_yet": ("There is no service yet", "아직 서비스 없음"),
    "ecs.watched": ("CloudWatch measures it: processor {cpu} %", "CloudWatch 측정 중: CPU {cpu}%"),
    "ecs.unmeasured": ("CloudWatch measured nothing in {minutes} min", "{minutes}분간 CloudWatch 측정값 없음"),
    "ecs.unmeasured.hint": (
        "A service that was started a moment ago has none yet; else see `decodeat-ops status`.",
        "방금 시작했다면 아직 없을 수 있습니다. 아니면 `decodeat-ops status`를 확인하세요.",
    ),
    "ecs.counted_apart": ("{count} tasks count, each for itself", "태스크 {count}개가 따로 집계"),
    # logs
    "ecs.log_arrived": ("In {log} after {latency} s", "{latency}초 뒤 {log}에 기록"),
    "ecs.log_lost": ("Not in {log} within {seconds} s", "{seconds}초 안에 {log}에 없음"),
    "ecs.log_lost.hint": (
        "See that the execution role may write there, and that LOG_LEVEL is INFO or lower.",
        "실행 역할의 쓰기 권한과 LOG_LEVEL(INFO 이하)을 확인하세요.",
    ),
    "ecs.log_kept": ("{log}, kept for {days} days", "{log}, {days}일 보관"),
    "ecs.log_for_ever": ("{log} keeps its lines for ever", "{log} 무기한 보관"),
    "ecs.log_for_ever.hint": (
        "`aws logs put-retention-policy --log-group-name {log} --retention-in-days {days}` ends that.",
        "`aws logs put-retention-policy --log-group-name {log} --retention-in-days {days}`로 기한을 두세요.",
    ),
    "ecs.no_log_group": ("There is no log group {log}", "{log} 로그 그룹 없음"),
    "ecs.no_log_group.hint": ("`decodeat-ops bootstrap` makes it.", "`decodeat-ops bootstrap`으로 만드세요."),
    # the way back
    "ecs.way_back": ("{release}: revision, image and secrets are there", "{release}: 리비전, 이미지, 비밀 모두 있음"),
    "ecs.deregistered": ("{release} is deregistered", "{release} 등록 해제됨"),
    "ecs.deregistered.hint": (
        "Somebody deregistered {revision}: `decodeat-ops deploy` makes a release that can be gone back to.",
        "{revision}이 등록 해제되었습니다. `decodeat-ops deploy`로 되돌아갈 릴리스를 만드세요.",
    ),
    "ecs.no_way_back": ("What it would start lacks something", "되돌릴 릴리스에 빠진 것이 있음"),
    "ecs.no_way_back.hint": ("{problems}.", "{problems}."),
    "ecs.crossed": ("{release} can't work with today's data", "{release}는 현재 데이터로 동작할 수 없음"),
    "ecs.crossed.hint": (
        "A rollback to it is refused: {steps} is not reversible. The way back is a backup of the database itself.",
        "되돌릴 수 없는 마이그레이션({steps}) 때문에 롤백이 거부됩니다. 데이터베이스 자체 백업으로 되돌리세요.",
    ),
    # what is open
    "ecs.https": ("Clients use {address}", "클라이언트 주소 {address}"),
    "ecs.http": ("Clients use {address}, without TLS", "TLS 없이 {address} 사용"),
    "ecs.http.hint": (
        "Give the load balancer an HTTPS listener with a certificate, and set ecs.address to its URL.",
        "로드 밸런서에 인증서와 HTTPS 리스너를 두고 ecs.address를 그 URL로 설정하세요.",
    ),
    "ecs.bare_tasks": ("Clients reach tasks by a {public} address", "클라이언트가 태스크에 직접 접속 ({public})"),
    "ecs.bare_tasks.hint": (
        "Without a load balancer there is no TLS, and every new task has another address: set ecs.target_group.",
        "로드 밸런서가 없으면 TLS도 없고 주소가 매번 바뀝니다. ecs.target_group을 설정하세요.",
    ),
    "ecs.in_image": ("Code of {release} is in its image alone", "{release}의 코드는 이미지에만 있음"),
    "ecs.label_here": ("No task can fetch a label from {host}", "태스크가 {host}의 라벨을 받을 수 없음"),
    "ecs.label_here.hint": (
        "Set checks.label_url to a picture of a label that the tasks can reach.",
        "태스크가 접근할 수 있는 라벨 사진으로 checks.label_url을 설정하세요.",
    ),
}
