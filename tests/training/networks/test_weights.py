import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lgeqa.errors import ConfigError, OutputError
from lgeqa.training.networks import (
    Detector,
    Encoder,
    MultiTaskNetwork,
    QualityNetwork,
    load_first_weights,
    load_weights,
    save_weights,
)


def imagenet_like() -> dict[str, torch.Tensor]:
    """A ResNet34 state as hubs keep it: three colours, a classifier."""
    torch.manual_seed(1)
    state = {key: value.clone() for key, value in Encoder().resnet.state_dict().items()}
    state["conv1.weight"] = torch.randn(64, 3, 7, 7)
    return state | {"fc.weight": torch.randn(1000, 512), "fc.bias": torch.randn(1000)}


def save(path: Path, state: dict[str, torch.Tensor]) -> Path:
    save_file(state, path)
    return path


def test_weights_are_loaded_and_colours_summed(tmp_path: Path) -> None:
    state, encoder = imagenet_like(), Encoder()
    load_first_weights(encoder, save(tmp_path / "w.safetensors", state))
    torch.testing.assert_close(encoder.resnet.conv1.weight, state["conv1.weight"].sum(dim=1, keepdim=True))
    torch.testing.assert_close(encoder.resnet.layer4[2].conv2.weight, state["layer4.2.conv2.weight"])
    grey = torch.rand(2, 1, 64, 64)
    colour = torch.nn.functional.conv2d(grey.expand(-1, 3, -1, -1), state["conv1.weight"])
    torch.testing.assert_close(
        torch.nn.functional.conv2d(grey, encoder.resnet.conv1.weight), colour, atol=1e-4, rtol=1e-4
    )


def test_random_stays_random() -> None:
    encoder = Encoder()
    before = encoder.resnet.conv1.weight.clone()
    load_first_weights(encoder, "random")
    assert torch.equal(encoder.resnet.conv1.weight, before)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"resnet34.pth: only .safetensors"):
        load_first_weights(Encoder(), tmp_path / "resnet34.pth")


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.safetensors: cannot be read"):
        load_first_weights(Encoder(), tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(ConfigError, match=r"text.safetensors: cannot be read"):
        load_first_weights(Encoder(), tmp_path / "text.safetensors")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    few = {key: value for key, value in imagenet_like().items() if not key.startswith("layer4")}
    with pytest.raises(ConfigError, match=r"do not fit a ResNet34: missing \['layer4.0.conv1.weight'"):
        load_first_weights(Encoder(), save(tmp_path / "few.safetensors", few))
    wide = imagenet_like() | {"conv1.weight": torch.randn(32, 3, 7, 7)}
    with pytest.raises(ConfigError, match="do not fit a ResNet34"):
        load_first_weights(Encoder(), save(tmp_path / "wide.safetensors", wide))
    with pytest.raises(ConfigError, match=r"ResNet34 of width 8 \(.{20,300}\)\.$"):
        load_first_weights(Encoder(8), save(tmp_path / "full.safetensors", imagenet_like()))


def test_no_network_never_means_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    with pytest.raises(ConfigError, match=r'could not be downloaded \(ConnectionError\).*weights = "random"'):
        load_first_weights(Encoder(), "hub")


def test_the_hub_file_is_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state, encoder = imagenet_like(), Encoder()
    files = {("timm/resnet34.tv_in1k", "model.safetensors"): str(save(tmp_path / "model.safetensors", state))}
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *names: files[names])
    load_first_weights(encoder, "hub")
    torch.testing.assert_close(encoder.resnet.layer4[2].conv2.weight, state["layer4.2.conv2.weight"])


@pytest.mark.parametrize("whole", [False, True])
def test_an_encoder_of_our_own_starts_another_training(tmp_path: Path, whole: bool) -> None:
    torch.manual_seed(6)
    network, later = MultiTaskNetwork(width=8), Encoder(8)
    state = (network if whole else network.encoder).state_dict()
    load_first_weights(later, save(tmp_path / "network.safetensors", state))
    for name, weights in network.encoder.state_dict().items():
        torch.testing.assert_close(later.state_dict()[name], weights)


def test_a_network_starts_from_an_earlier_one(tmp_path: Path) -> None:
    torch.manual_seed(5)
    earlier, later = Detector(4), Detector(4)
    path = save(tmp_path / "network.safetensors", {key: value.clone() for key, value in earlier.state_dict().items()})
    load_weights(later, path)
    slices = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(later.eval()(slices), earlier.eval()(slices))
    with pytest.raises(ConfigError, match=r"network.safetensors: do not fit this network \(.*size mismatch"):
        load_weights(Detector(8), path)


def test_full_disk_keeps_the_weights_that_were_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, network = tmp_path / "network.safetensors", torch.nn.Linear(2, 2)
    save_weights(network, path)
    before, write = path.read_bytes(), Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        write(self, content[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"network\.safetensors: cannot be written \(no space left"):
        save_weights(torch.nn.Linear(2, 2), path)
    assert path.read_bytes() == before
    load_weights(network, path)


def test_first_convolution_is_spread_over_the_slices(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", imagenet_like())
    alone, together = Encoder(), Encoder(channels=3)
    load_first_weights(alone, path)
    load_first_weights(together, path)
    slices = torch.rand(2, 1, 32, 32)
    for network in (alone.eval(), together.eval()):
        network.requires_grad_(requires_grad=False)
    torch.testing.assert_close(together(slices.expand(-1, 3, -1, -1)), alone(slices), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("before", "kept"), [(3, True), (1, False)])
def test_an_encoder_of_as_many_slices_keeps_its_convolution(tmp_path: Path, before: int, kept: bool) -> None:
    earlier, encoder = QualityNetwork(width=8, channels=before), Encoder(8, 3)
    load_first_weights(encoder, save(tmp_path / "w.safetensors", earlier.state_dict()))
    first = earlier.encoder.resnet.conv1.weight
    expected = first if kept else first.expand(-1, 3, -1, -1) / 3
    torch.testing.assert_close(encoder.resnet.conv1.weight, expected)
