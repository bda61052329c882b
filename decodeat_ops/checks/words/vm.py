"""Hold the words of the checks that only machines over SSH have, in English and Korean."""

WORDS = {
    # the machines
    "vm.reached": ("Machines answer", "서버 응답"),
    "vm.reached.why": (
        "A change needs every machine: one that is silent would be left behind.",
        "변경에는 모든 서버가 필요합니다. 응답하지 않는 서버만 남겨집니다.",
    ),
    "vm.all_answer": ("All {count} answer, as root", "{count}대 모두 root로 응답"),
    "vm.unreached": ("Can't be worked on: {hosts}", "작업할 수 없음: {hosts}"),
    "vm.unreached.hint": ("{problems}.", "{problems}."),
    "vm.bare": ("Not prepared yet: {hosts}", "아직 준비되지 않음: {hosts}"),
    "vm.bare.hint": (
        "There is no {directory}: `decodeat-ops bootstrap` prepares machines.",
        "{directory} 디렉터리가 없습니다. `decodeat-ops bootstrap`으로 준비하세요.",
    ),
    "vm.docker": ("Docker and Compose", "Docker와 Compose"),
    "vm.docker.why": (
        "Older ones don't know what our files say.",
        "오래된 버전은 이 도구의 파일을 이해하지 못합니다.",
    ),
    "vm.docker_ok": ("Docker {engines}, Compose {composes}", "Docker {engines}, Compose {composes}"),
    "vm.docker_lacks": ("{count} problems", "문제 {count}건"),
    "vm.docker_lacks.hint": (
        "{problems}. `decodeat-ops bootstrap` installs what is missing.",
        "{problems}. 없는 것은 `decodeat-ops bootstrap`으로 설치하세요.",
    ),
    "vm.store": ("How images are kept", "이미지 저장 방식"),
    "vm.store.why": (
        "Some stores can't take the missing layers of an image alone.",
        "일부 저장 방식은 빠진 레이어만 받을 수 없습니다.",
    ),
    "vm.store_ok": ("{drivers}", "{drivers}"),
    "vm.store_unknown": ("No engine tells it", "엔진이 알려 주지 않음"),
    "vm.store_whole": ("containerd keeps images on {hosts}", "{hosts}: containerd가 이미지 보관"),
    "vm.store_whole.hint": (
        "Without image.repository a whole image travels at each change of code there: name a registry.",
        "image.repository가 없으면 코드가 바뀔 때마다 이미지 전체를 보냅니다. 레지스트리를 지정하세요.",
    ),
    "vm.clock": ("Clocks of the machines", "서버 시계"),
    "vm.clock.why": (
        "Certificates and tokens are refused by a clock that is wrong.",
        "시계가 틀리면 인증서와 토큰이 거부됩니다.",
    ),
    "vm.clock_ok": ("At most {seconds} s apart from this one", "이 시계와 최대 {seconds}초 차이"),
    "vm.clock_unknown": ("No machine told its time", "시각을 알려 준 서버 없음"),
    "vm.clock_off": ("{host} is {seconds} s off", "{host}: {seconds}초 차이"),
    "vm.clock_off.hint": (
        "Turn on time synchronisation there: timedatectl set-ntp true",
        "시각 동기화를 켜세요: timedatectl set-ntp true",
    ),
    "vm.clock_wrong": ("{host} is {seconds} s off", "{host}: {seconds}초 차이"),
    "vm.clock_wrong.hint": (
        "Set the clock before anything else: timedatectl set-ntp true, there or here.",
        "먼저 그 서버나 이 컴퓨터의 시계를 맞추세요: timedatectl set-ntp true",
    ),
    "vm.disk_room": ("{free} MiB and {inodes} % of inodes free", "여유 {free}MiB, inode {inodes}%"),
    "vm.disk_low": ("{host}: {free} MiB, {inodes} % of inodes free", "{host}: 여유 {free}MiB, inode {inodes}%"),
    "vm.disk_low.hint": (
        "`decodeat-ops prune` deletes old releases with their images; lower vm.keep_releases to keep fewer.",
        "`decodeat-ops prune`으로 오래된 릴리스를 지우거나 vm.keep_releases를 줄이세요.",
    ),
    "vm.disk_full": ("{host}: {free} MiB, {inodes} % of inodes free", "{host}: 여유 {free}MiB, inode {inodes}%"),
    "vm.disk_full.hint": (
        "Free some space there before anything else: `decodeat-ops prune`, then what is not ours.",
        "먼저 공간을 확보하세요. `decodeat-ops prune` 다음에 다른 파일을 정리하세요.",
    ),
    "vm.disk_unknown": ("Not told by {hosts}", "알려 주지 않은 서버: {hosts}"),
    "vm.disk_unknown.hint": (
        "Look at the disk there by hand: `df` says nothing that can be read.",
        "`df`의 답을 읽을 수 없습니다. 그 서버의 디스크를 직접 확인하세요.",
    ),
    "vm.ports": ("Ports for clients", "클라이언트 포트"),
    "vm.ports.why": (
        "nginx can't start where another program has its ports.",
        "다른 프로그램이 포트를 쓰면 nginx가 시작되지 않습니다.",
    ),
    "vm.ports_free": ("{ports} free, or our nginx's", "{ports}: 비어 있거나 우리 nginx가 사용"),
    "vm.ports_taken": ("Taken: {taken}", "사용 중: {taken}"),
    "vm.ports_taken.hint": (
        "Stop what has them, or set vm.http_port and vm.https_port.",
        "사용하는 프로그램을 멈추거나 vm.http_port와 vm.https_port를 바꾸세요.",
    ),
    "vm.records": ("Records of releases", "릴리스 기록"),
    "vm.records.why": (
        "A release without its record can't be gone back to.",
        "기록이 없는 릴리스로는 되돌아갈 수 없습니다.",
    ),
    "vm.records_whole": ("All {count} can be read", "{count}개 모두 읽을 수 있음"),
    "vm.records_damaged": ("{count} damaged", "손상 {count}개"),
    "vm.records_damaged.hint": (
        "{files}. What serves goes on; the next deploy makes a release whose record is whole.",
        "{files}. 서비스는 계속됩니다. 다음 배포가 온전한 기록을 만듭니다.",
    ),
    # what serves
    "vm.same": ("The same on all machines", "모든 서버 동일"),
    "vm.same.why": (
        "Clients get what their machine has: a machine left behind answers otherwise.",
        "클라이언트는 연결된 서버의 것을 받습니다. 뒤처진 서버는 다르게 응답합니다.",
    ),
    "vm.same_release": ("{release} on all {count}", "{count}대 모두 {release}"),
    "vm.same_unknown": ("Silent: {hosts}", "응답 없음: {hosts}"),
    "vm.same_unknown.hint": (
        "See `decodeat-ops doctor`; what they serve is unknown until they answer.",
        "`decodeat-ops doctor`를 보세요. 응답할 때까지 무엇을 서비스하는지 알 수 없습니다.",
    ),
    "vm.mixed": ("Apart from {release}: {apart}", "{release}와 다름: {apart}"),
    "vm.mixed.hint": (
        "`decodeat-ops deploy` brings all machines to one release.",
        "`decodeat-ops deploy`로 모든 서버를 한 릴리스로 맞추세요.",
    ),
    "vm.sick": ("Not well: {sick}", "비정상: {sick}"),
    "vm.sick.hint": (
        "See `decodeat-ops logs`; `decodeat-ops rollback` brings the previous release back.",
        "`decodeat-ops logs`를 보세요. `decodeat-ops rollback`으로 되돌릴 수 있습니다.",
    ),
    "vm.restarted": ("Restarted: {restarted} times", "재시작: {restarted}회"),
    "vm.restarted.hint": (
        "`decodeat-ops status` shows how it ended, `decodeat-ops logs` what it said.",
        "`decodeat-ops status`는 종료 이유를, `decodeat-ops logs`는 출력을 보여 줍니다.",
    ),
    "vm.edge": ("nginx and what is beside it", "nginx와 그 주변"),
    "vm.edge.why": (
        "No request gets to a release without nginx.",
        "nginx가 없으면 어떤 요청도 릴리스에 닿지 못합니다.",
    ),
    "vm.edge_whole": ("{parts} on {count}", "{count}대에서 {parts}"),
    "vm.edge_sick": ("Not well: {sick}", "비정상: {sick}"),
    "vm.edge_sick.hint": (
        "See `decodeat-ops logs --part nginx`; `decodeat-ops start` starts what does not run.",
        "`decodeat-ops logs --part nginx`를 보세요. `decodeat-ops start`로 다시 시작합니다.",
    ),
    "vm.edge_mixed": ("Different files of nginx: {generations}", "nginx 파일이 서로 다름: {generations}"),
    "vm.edge_mixed.hint": (
        "`decodeat-ops deploy` gives all machines the same.",
        "`decodeat-ops deploy`로 모두 같게 맞추세요.",
    ),
    "vm.answers": ("Every machine answers clients", "모든 서버가 클라이언트에 응답"),
    "vm.answers.why": (
        "A name leads to one machine at a time: the others' faults show only when it changes.",
        "이름은 한 번에 한 서버로만 이어집니다. 나머지의 문제는 바뀔 때야 드러납니다.",
    ),
    "vm.answers_all": ("All {count} as {release}", "{count}대 모두 {release}"),
    "vm.answers_not": ("Not as they should: {hosts}", "잘못 응답: {hosts}"),
    "vm.answers_not.hint": (
        "{why}. See `decodeat-ops status`, and whether their ports are open to you.",
        "{why}. `decodeat-ops status`와 포트가 열려 있는지 확인하세요.",
    ),
    "vm.maintenance": ("In maintenance: {hosts}", "점검 중: {hosts}"),
    "vm.maintenance.hint": (
        "Clients get 503 until `decodeat-ops maintenance off`.",
        "`decodeat-ops maintenance off`를 실행할 때까지 503이 응답됩니다.",
    ),
    # how it runs
    "vm.self_signed": ("{name} signs its own certificate", "{name}: 자체 서명 인증서"),
    "vm.self_signed.hint": (
        'Clients can\'t know whom they speak to: set vm.domains and vm.certificate = "acme", or bring your own.',
        '클라이언트가 상대를 확인할 수 없습니다. vm.domains와 vm.certificate = "acme"를 설정하세요.',
    ),
    "vm.https": ("https for {name}, certificate: {by}", "{name} https, 인증서: {by}"),
    "vm.hardened": ("All {count} containers have no more rights than needed", "컨테이너 {count}개 모두 최소 권한"),
    "vm.nothing_runs": ("No container runs", "실행 중인 컨테이너 없음"),
    "vm.loose": ("{first}", "{first}"),
    "vm.loose.hint": (
        "{count} in all: {flaws}. Somebody changed or made them by hand: `decodeat-ops deploy` makes them anew.",
        "모두 {count}건: {flaws}. 누군가 손으로 바꿨습니다. `decodeat-ops deploy`로 다시 만드세요.",
    ),
    "vm.published": ("Published ports", "공개된 포트"),
    "vm.published.why": (
        "What a container publishes passes by nginx, by TLS and by the firewall.",
        "컨테이너가 공개한 포트는 nginx, TLS, 방화벽을 우회합니다.",
    ),
    "vm.published_nginx": ("nginx's alone", "nginx만 공개"),
    "vm.published_more": ("Published: {published}", "공개됨: {published}"),
    "vm.published_more.hint": (
        "Somebody started them by hand: `decodeat-ops deploy` makes them anew.",
        "누군가 손으로 시작했습니다. `decodeat-ops deploy`로 다시 만드세요.",
    ),
    "vm.secrets": ("Who has which secret", "비밀의 위치"),
    "vm.secrets.why": (
        "A secret is as safe as the least safe container that has it.",
        "비밀의 안전은 그것을 가진 가장 약한 컨테이너에 달려 있습니다.",
    ),
    "vm.secrets_apart": ("{count}, in the service's containers alone", "{count}개, 서비스 컨테이너에만 있음"),
    "vm.secrets_elsewhere": ("Where it does not belong: {wrong}", "있으면 안 되는 곳: {wrong}"),
    "vm.secrets_elsewhere.hint": (
        "Whoever may look at that container reads it: rotate it, then `decodeat-ops deploy`.",
        "그 컨테이너를 볼 수 있으면 누구나 읽습니다. 비밀을 교체하고 `decodeat-ops deploy`를 실행하세요.",
    ),
    # the certificate that is served
    "vm.certificate_none": ("nginx runs nowhere yet", "아직 nginx가 실행되지 않음"),
    "vm.certificate_ok": ("{days} days left, by {issuer}", "{days}일 남음, 발급자 {issuer}"),
    "vm.certificate_soon": ("{host}: {days} days left", "{host}: {days}일 남음"),
    "vm.certificate_soon.hint": (
        "It should have been renewed by now: `decodeat-ops cert status` says why not.",
        "이미 갱신되었어야 합니다. `decodeat-ops cert status`로 이유를 확인하세요.",
    ),
    "vm.certificate_ends": ("{host}: {days} days left", "{host}: {days}일 남음"),
    "vm.certificate_ends.hint": (
        "Clients refuse it once it ends ({ends}): `decodeat-ops cert renew`.",
        "만료되면({ends}) 클라이언트가 거부합니다. `decodeat-ops cert renew`를 실행하세요.",
    ),
    "vm.certificate_names": ("{host}: not for {missing}", "{host}: {missing}용이 아님"),
    "vm.certificate_names.hint": (
        "It is for {names}: `decodeat-ops cert issue` gets one for vm.domains.",
        "{names}용 인증서입니다. `decodeat-ops cert issue`로 vm.domains용을 발급하세요.",
    ),
    "vm.certificate_stale": ("Not the one on disk: {hosts}", "디스크의 것과 다름: {hosts}"),
    "vm.certificate_stale.hint": (
        "nginx serves an older one, or something else answers in its place: `decodeat-ops cert status`.",
        "nginx가 이전 인증서를 쓰거나 다른 것이 응답합니다. `decodeat-ops cert status`를 보세요.",
    ),
    "vm.certificate_own": ("{host}: self-signed, {days} days left", "{host}: 자체 서명, {days}일 남음"),
    "vm.certificate_own.hint": (
        "Clients refuse it unless they are told to trust it: `decodeat-ops cert issue`.",
        "신뢰하도록 설정하지 않은 클라이언트는 거부합니다. `decodeat-ops cert issue`를 실행하세요.",
    ),
    "vm.certificate_unseen": ("{host} shows none", "{host}: 보이지 않음"),
    "vm.certificate_unseen.hint": (
        "{why}. See that port 443 is open to you, and `decodeat-ops logs --part nginx`.",
        "{why}. 443 포트가 열려 있는지, `decodeat-ops logs --part nginx`를 확인하세요.",
    ),
    # logs, the way back, the label
    "vm.log_arrived": ("On {host} after {latency_ms} ms", "{latency_ms}ms 뒤 {host}에 기록"),
    "vm.log_lost": ("In no log within {seconds} s", "{seconds}초 안에 기록 없음"),
    "vm.log_lost.hint": (
        "See that LOG_LEVEL is INFO or lower, and that the address leads to these machines.",
        "LOG_LEVEL(INFO 이하)과 주소가 이 서버들로 이어지는지 확인하세요.",
    ),
    "vm.way_back": ("{release}: record and image on every machine", "{release}: 모든 서버에 기록과 이미지 있음"),
    "vm.no_way_back": ("{first}", "{first}"),
    "vm.no_way_back.hint": (
        "{problems}. `decodeat-ops deploy` makes a release that can be gone back to.",
        "{problems}. `decodeat-ops deploy`로 되돌아갈 릴리스를 만드세요.",
    ),
    "vm.crossed": ("{release} can't work with today's data", "{release}는 현재 데이터로 동작할 수 없음"),
    "vm.crossed.hint": (
        "A rollback to it is refused: {steps} is not reversible. The way back is a backup of the database itself.",
        "되돌릴 수 없는 마이그레이션({steps}) 때문에 롤백이 거부됩니다. 데이터베이스 자체 백업으로 되돌리세요.",
    ),
    "vm.label_here": ("No machine can fetch a label from {host}", "서버가 {host}의 라벨을 받을 수 없음"),
    "vm.label_here.hint": (
        "Set checks.label_url to a picture of a label that the machines can reach.",
        "서버가 접근할 수 있는 라벨 사진으로 checks.label_url을 설정하세요.",
    ),
}
