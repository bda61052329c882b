"""Answer ECR: repositories, the images in them by digest and platform, and the login of a registry."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.servers.aws.errors import Answer, Params, Refused, invalid
from tests.servers.aws.paging import ECR, page
from tests.servers.aws.registry import Image, Repository, configuration, digest_of

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def _repository(aws: "Aws", params: Params, name: str = "") -> Repository:
    wanted = name or params["repositoryName"]
    account = params.get("registryId", aws.account.id)
    if account != aws.account.id or wanted not in aws.registry.repositories:
        message = f"The repository with name '{wanted}' does not exist in the registry with id '{account}'"
        raise Refused("RepositoryNotFoundException", message)
    return aws.registry.repositories[wanted]


def _shown(aws: "Aws", one: Repository) -> Answer:
    return {
        "repositoryArn": one.arn,
        "registryId": aws.account.id,
        "repositoryName": one.name,
        "repositoryUri": one.uri,
        "createdAt": one.created,
        "imageTagMutability": "IMMUTABLE" if one.immutable else "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": one.scans},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def create_repository(aws: "Aws", params: Params) -> Answer:
    name = params["repositoryName"]
    if name in aws.registry.repositories:
        message = f"The repository with name '{name}' already exists in the registry with id '{aws.account.id}'"
        raise Refused("RepositoryAlreadyExistsException", message)
    repository = aws.registry.repository(name)
    repository.immutable = params.get("imageTagMutability") == "IMMUTABLE"
    repository.scans = params.get("imageScanningConfiguration", {}).get("scanOnPush", False)
    repository.tags = {one["Key"]: one["Value"] for one in params.get("tags", ())}
    return {"repository": _shown(aws, repository)}


def describe_repositories(aws: "Aws", params: Params) -> Answer:
    names = params.get("repositoryNames")
    held = [_repository(aws, params, name) for name in names] if names else list(aws.registry.repositories.values())
    shown, more = page([_shown(aws, one) for one in held], params, ECR, aws.switches, "InvalidParameterException")
    return {"repositories": shown, **more}


def delete_repository(aws: "Aws", params: Params) -> Answer:
    repository = _repository(aws, params)
    if repository.images and not params.get("force"):
        message = f"The repository with name '{repository.name}' cannot be deleted because it still contains images"
        raise Refused("RepositoryNotEmptyException", message)
    del aws.registry.repositories[repository.name]
    return {"repository": _shown(aws, repository)}


def put_lifecycle_policy(aws: "Aws", params: Params) -> Answer:
    repository = _repository(aws, params)
    repository.lifecycle = params["lifecyclePolicyText"]
    return {"repositoryName": repository.name, "lifecyclePolicyText": repository.lifecycle}


def _named(repository: Repository, identifier: dict[str, str]) -> Image | None:
    if not identifier:
        raise invalid("imageIds has an entry with neither imageDigest nor imageTag.")
    found = [repository.find(named) for named in identifier.values()]
    return found[0] if all(one is found[0] for one in found) else None


def describe_images(aws: "Aws", params: Params) -> Answer:
    repository = _repository(aws, params)
    asked = params.get("imageIds")
    images = []
    for identifier in asked or ():
        image = _named(repository, identifier)
        if image is None:
            message = f"The image with imageId {_text(identifier)} does not exist within the repository with name "
            raise Refused("ImageNotFoundException", f"{message}'{repository.name}'")
        images.append(image)
    held = [_image(aws, repository, one) for one in (images if asked else repository.images.values())]
    shown, more = page(held, params, ECR, aws.switches, "InvalidParameterException")
    return {"imageDetails": shown, **more}


def _text(identifier: dict[str, str]) -> str:
    parts = (f"{name}:'{identifier.get(name, 'null')}'" for name in ("imageDigest", "imageTag"))
    return "{" + ", ".join(parts) + "}"


def _image(aws: "Aws", repository: Repository, one: Image) -> Answer:
    shown: Answer = {
        "registryId": aws.account.id,
        "repositoryName": repository.name,
        "imageDigest": one.digest,
        "imageSizeInBytes": 1000,
        "imagePushedAt": one.pushed,
        "imageManifestMediaType": one.media,
    }
    return shown | ({"imageTags": sorted(one.tags)} if one.tags else {})


def batch_get_image(aws: "Aws", params: Params) -> Answer:
    repository = _repository(aws, params)
    images, failures = [], []
    for identifier in params["imageIds"]:
        image = _named(repository, identifier)
        if image is None:
            failures.append(
                {"imageId": identifier, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
            )
            continue
        images.append(
            {
                "registryId": aws.account.id,
                "repositoryName": repository.name,
                "imageId": {**identifier, "imageDigest": image.digest},
                "imageManifest": image.manifest,
                "imageManifestMediaType": image.media,
            }
        )
    return {"images": images, "failures": failures}


def list_images(aws: "Aws", params: Params) -> Answer:
    held = [
        {"imageDigest": one.digest, "imageTag": tag} if tag else {"imageDigest": one.digest}
        for one in _repository(aws, params).images.values()
        for tag in (sorted(one.tags) or [""])
    ]
    shown, more = page(held, params, ECR, aws.switches, "InvalidParameterException")
    return {"imageIds": shown, **more}


def batch_delete_image(aws: "Aws", params: Params) -> Answer:
    repository = _repository(aws, params)
    gone = [image for one in params["imageIds"] if (image := _named(repository, one)) is not None]
    for image in gone:
        repository.images.pop(image.digest, None)
    return {"imageIds": [{"imageDigest": one.digest} for one in gone], "failures": []}


def get_download_url_for_layer(aws: "Aws", params: Params) -> Answer:
    repository, digest = _repository(aws, params), params["layerDigest"]
    if not any(digest in image.manifest for image in repository.images.values()):
        message = f"The layer with digest '{digest}' does not exist within the repository with name '{repository.name}'"
        raise Refused("LayersNotFoundException", message)
    return {"downloadUrl": f"{aws.url}/blobs/{digest}", "layerDigest": digest}


def blob(aws: "Aws", digest: str) -> bytes | None:
    """Return the configuration of an image by its digest; layers have no content here."""
    for repository in aws.registry.repositories.values():
        for image in repository.images.values():
            for platform in image.platforms:
                if digest_of(configuration(platform)) == digest:
                    return configuration(platform).encode()
    return None


def get_authorization_token(aws: "Aws", params: Params) -> Answer:
    token = base64.b64encode(f"AWS:{aws.account.unique(60)}".encode()).decode()
    expires = aws.account.now() + timedelta(hours=12)
    told = {"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": f"https://{aws.registry.host}"}
    return {"authorizationData": [told]}


def list_tags_for_resource(aws: "Aws", params: Params) -> Answer:
    repository = _repository(aws, params, params["resourceArn"].partition(":repository/")[2])
    return {"tags": [{"Key": key, "Value": value} for key, value in repository.tags.items()]}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "CreateRepository": create_repository,
    "DescribeRepositories": describe_repositories,
    "DeleteRepository": delete_repository,
    "PutLifecyclePolicy": put_lifecycle_policy,
    "DescribeImages": describe_images,
    "BatchGetImage": batch_get_image,
    "ListImages": list_images,
    "BatchDeleteImage": batch_delete_image,
    "GetDownloadUrlForLayer": get_download_url_for_layer,
    "ListTagsForResource": list_tags_for_resource,
    "GetAuthorizationToken": get_authorization_token,
}
