"""Given an authority that has forgotten the machine's account, another one is made when the operator says so."""

import os

import pytest

from decodeat_ops.application import certificates
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import StepFailed
from tests.servers.vm_certificates import world

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a machine's scripts run as root"),
    pytest.mark.share(3, part=2),
]


def test_an_account_that_is_unknown_keeps_the_old_certificate_until_it_is_made_anew() -> None:
    with world(days=20) as one:
        certificates.issue(one.desk(), Change())
        live, serial = one.live, one.served().serial
        one.authority.start()  # it forgets everything
        with pytest.raises(StepFailed) as caught:
            certificates.renew(one.desk(), Change())
        assert (one.live, one.served().serial) == (live, serial)
        advice = caught.value.advice
        assert "the authority does not know the machine's account any more" in advice.what
        assert "`decodeat-ops cert issue --new-account`" in advice.hint
        (wrong,) = one.desk().view.certificates().wrong  # type: ignore[attr-defined]
        assert "--new-account" in wrong
        assert certificates.issue(one.desk(), Change(), new_account=True).changed == 1
        assert one.served().serial != serial
        assert certificates.renew(one.desk(), Change()).changed == 1, "by the new account"


def test_a_new_account_that_gets_nothing_leaves_the_one_of_before() -> None:
    with world(days=90) as one:
        certificates.issue(one.desk(), Change())
        live = one.live
        one.authority.orders, one.authority.most = 0, 0
        with pytest.raises(StepFailed) as caught:
            certificates.issue(one.desk(), Change(), new_account=True)
        assert "the authority has had too many requests" in caught.value.advice.what, "not due, and asked all the same"
        assert "Try again not before" in caught.value.advice.hint
        assert one.live == live
        one.authority.most = None
        assert certificates.renew(one.desk(), Change(), force=True).changed == 1, "by the account of before"
        assert certificates.issue(one.desk(), Change(), new_account=True).changed == 1
        assert certificates.renew(one.desk(), Change(), force=True).changed == 1, "by the new account"
