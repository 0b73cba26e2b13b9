"""EfficientNet-Lite0 with everything Lookalike reads from one pass: levels, logits and saliency."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from models.build import saliency
from models.build.levels import LEVELS, Pool
from models.build.sources import LITE0, locate

SIDE = 224
MEAN, SCALE = 127.0, 128.0


class Network(nn.Module):
    """uint8 [N,224,224,3] → levels float32 [N,L], logits float32 [N,1000], saliency float32
    [N,28,28] in 0…1.
    """

    def __init__(self, decoder: saliency.Decoder) -> None:
        super().__init__()
        self.backbone = EfficientNet.from_name("efficientnet-lite0")
        self.backbone.load_state_dict(
            torch.load(locate(LITE0), map_location="cpu", weights_only=True)
        )
        self.pool = Pool()
        self.decoder = decoder
        self.eval()

    def maps(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the block outputs by level name, and the head's 1280 × 7 × 7 map."""
        net = self.backbone
        # The stem pads with zeros in normalised space, so the normalisation cannot be folded into
        # its weights.
        x = (image.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        x = net._swish(net._bn0(net._conv_stem(x)))
        wanted = {level.block: level.name for level in LEVELS}
        kept = {}
        for index, block in enumerate(net._blocks):
            x = block(x, drop_connect_rate=0)
            if index in wanted:
                kept[wanted[index]] = x
        return kept, net._swish(net._bn1(net._conv_head(x)))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept, head = self.maps(image)
        saliency = torch.sigmoid(self.decoder(kept["b4"], kept["b10"], head))
        levels = self.pool(kept, head, saliency, image)
        return levels, self.backbone._fc(head.mean((2, 3))), saliency[:, 0]


def load(trained: Path) -> Network:
    """Return the network with the trained parts: saliency decoder and principal channels, from the
    folder `trained`.
    """
    network = Network(saliency.load(trained / "saliency.npz"))
    with np.load(trained / "principal.npz") as axes:
        for name, module in network.pool.covariances.items():
            module.axes.data.copy_(torch.from_numpy(axes[name].astype(np.float32)))
    return network.eval()
