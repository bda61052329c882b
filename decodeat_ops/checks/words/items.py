"""Hold the lines of the guide's checklists; the Korean ones are copied from the guide word for word."""

WORDS = {
    "pre.tests": ("All tests pass", "모든 테스트 통과 확인"),
    "pre.environment": ("Environment variables", "환경 변수 설정 검증"),
    "pre.certificate": ("TLS certificate", "SSL 인증서 유효성 확인"),
    "pre.backups": ("Backups work", "백업 시스템 동작 확인"),
    "pre.monitoring": ("Monitoring set up", "모니터링 시스템 설정"),
    "pre.logs": ("Log collection set up", "로그 수집 시스템 설정"),
    "pre.security": ("Security review", "보안 설정 검토"),
    "pre.performance": ("Performance test", "성능 테스트 수행"),
    "pre.rollback": ("Rollback plan", "롤백 계획 수립"),
    "post.health": ("Health endpoint", "헬스체크 엔드포인트 확인"),
    "post.api": ("API works", "API 기능 테스트"),
    "post.time": ("Response time", "응답 시간 모니터링"),
    "post.errors": ("Error rate", "오류율 확인"),
    "post.logs": ("Logs arrive", "로그 수집 상태 확인"),
    "post.metrics": ("Metrics move", "메트릭 수집 상태 확인"),
    "post.alerts": ("Alerts arrive", "알림 시스템 테스트"),
    "post.backup": ("Backup and restore", "백업 시스템 테스트"),
}
