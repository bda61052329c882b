"""Whole plans of an image as text, so that a change in what is done can't go by unseen."""

from dataclasses import replace

from decodeat_ops.core.plan import plan_from_json
from decodeat_ops.operations import image
from decodeat_ops.operations.image import Wanted
from tests.unit.core.test_image import RECIPE

WANTED = Wanted(RECIPE, "r.example.com/decodeat", "host")


def test_a_build() -> None:
    plan = image.plan_build(WANTED, "tested-staging")
    assert (
        plan.text()
        == """\
build r.example.com/decodeat:0.1.0-f0de335bb134e5de070a419c (tested-staging)
  platform: linux/amd64
  built on: python:3.11
  revision: 0123456789ab
 1. Build the image for linux/amd64  [image-build]
      from python:3.11
      argument VERSION=0.1.0
      argument REVISION=0123456789ab
      label org.opencontainers.image.base.name=python:3.11
      label decodeat.code=c0de
      label decodeat.lock=10c4
      undo: image-forget"""
    )
    (step,) = plan.steps
    assert step.do.params["network"] == "host"
    assert plan_from_json(plan.as_json()) == plan


def test_a_push_of_what_was_not_built_yet() -> None:
    wanted = replace(WANTED, recipe=replace(RECIPE, revision="0123456789ab-dirty"))
    assert (
        image.plan_push(wanted, "tested-staging", built=False).text()
        == """\
push r.example.com/decodeat:0.1.0-f0de335bb134e5de070a419c-dirty (tested-staging)
  platform: linux/amd64
  built on: python:3.11
  revision: 0123456789ab-dirty: the files differ from the commit
 1. Build the image for linux/amd64  [image-build]
      from python:3.11
      argument VERSION=0.1.0
      argument REVISION=0123456789ab-dirty
      label org.opencontainers.image.base.name=python:3.11
      label decodeat.code=c0de
      label decodeat.lock=10c4
      undo: image-forget
 2. Push it to r.example.com  [image-push]
      r.example.com/decodeat:0.1.0-f0de335bb134e5de070a419c-dirty, whose layers are sent that the registry lacks
      nothing takes it back: the tag names its content, and what serves is not touched by it"""
    )


def test_a_push_of_what_is_built() -> None:
    wanted = replace(WANTED, recipe=replace(RECIPE, revision=""))
    plan = image.plan_push(wanted, "tested-staging", built=True)
    assert (
        plan.text()
        == """\
push r.example.com/decodeat:0.1.0-f0de335bb134e5de070a419c (tested-staging)
  platform: linux/amd64
  built on: python:3.11
  revision: unknown: git does not track the code
 1. Push it to r.example.com  [image-push]
      r.example.com/decodeat:0.1.0-f0de335bb134e5de070a419c, whose layers are sent that the registry lacks
      nothing takes it back: the tag names its content, and what serves is not touched by it"""
    )
    (step,) = plan.steps
    assert step.undo is None and "digest" in step.produces


def test_a_deploy_has_the_same_steps_in_it() -> None:
    alone = image.plan_push(WANTED, "tested-staging", built=False)
    assert image.steps(WANTED, built=False) == alone.steps
