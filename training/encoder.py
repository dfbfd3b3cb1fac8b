"""A BERT encoder (Devlin et al. 2018) in plain PyTorch, cut into a trunk and branches that are exported apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base import Base

HIDDEN = 384


class Layer(nn.Module):
    def __init__(self, tensors: dict[str, Tensor], index: int, heads: int, epsilon: float, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout

        def linear(name: str) -> nn.Linear:
            weight = tensors[f"l{index}.{name}.w"]
            made = nn.Linear(weight.shape[1], weight.shape[0])
            made.weight.data.copy_(weight)
            made.bias.data.copy_(tensors[f"l{index}.{name}.b"])
            return made

        def norm(name: str) -> nn.LayerNorm:
            made = nn.LayerNorm(HIDDEN, eps=epsilon)
            made.weight.data.copy_(tensors[f"l{index}.{name}.w"])
            made.bias.data.copy_(tensors[f"l{index}.{name}.b"])
            return made

        self.query, self.key, self.value, self.out = linear("q"), linear("k"), linear("v"), linear("ao")
        self.inner, self.outer = linear("fi"), linear("fo")
        self.attended, self.finished = norm("aln"), norm("oln")

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [batch, tokens, hidden]; mask: [batch, 1, 1, tokens], 0 or a large negative number."""
        batch, tokens, _ = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, tokens, self.heads, HIDDEN // self.heads).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        if torch.onnx.is_in_onnx_export():
            weights = torch.softmax(q @ k.transpose(-1, -2) / (HIDDEN // self.heads) ** 0.5 + mask, dim=-1)
            seen = weights @ v
        else:
            seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        seen = seen.transpose(1, 2).reshape(batch, tokens, HIDDEN)
        x = self.attended(x + F.dropout(self.out(seen), self.dropout, self.training))
        return self.finished(x + F.dropout(self.outer(F.gelu(self.inner(x))), self.dropout, self.training))


def mask_of(ids: Tensor, pad: int, kind: torch.dtype = torch.float32) -> Tensor:
    return ((ids == pad).to(kind) * -10000.0)[:, None, None, :]


class Trunk(nn.Module):
    """Embeddings and the first layers; what every branch shares. `rows` are the base's word rows that are kept."""

    def __init__(self, base: Base, rows: Tensor, layers: int, pad: int) -> None:
        super().__init__()
        self.pad = pad
        self.word = nn.Embedding(len(rows), HIDDEN, _weight=base.word[rows].clone())
        self.position = nn.Parameter(base.tensors["emb.pos"] + base.tensors["emb.type"][0], requires_grad=False)
        self.norm = nn.LayerNorm(HIDDEN, eps=base.epsilon)
        self.norm.weight.data.copy_(base.tensors["emb.ln.w"])
        self.norm.bias.data.copy_(base.tensors["emb.ln.b"])
        self.layers = nn.ModuleList(Layer(base.tensors, i, base.heads, base.epsilon, 0.0) for i in range(layers))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.norm(self.word(ids) + self.position[: ids.shape[1]])
        mask = mask_of(ids, self.pad, x.dtype)
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Branch(nn.Module):
    """Layers `first` to `last` (not included) of the base on top of the trunk."""

    def __init__(self, base: Base, first: int, last: int, pad: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.pad = pad
        self.layers = nn.ModuleList(Layer(base.tensors, i, base.heads, base.epsilon, dropout) for i in range(first, last))

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        mask = mask_of(ids, self.pad, x.dtype)
        for layer in self.layers:
            x = layer(x, mask)
        return x


def mean_of(x: Tensor, ids: Tensor, pad: int) -> Tensor:
    kept = (ids != pad).to(x.dtype)[:, :, None]
    return (x * kept).sum(1) / kept.sum(1)


class Classifier(nn.Module):
    """One logit for each head, from the mean and the first token of the branch."""

    def __init__(self, branch: Branch, outputs: int) -> None:
        super().__init__()
        self.branch = branch
        self.dense = nn.Linear(2 * HIDDEN, HIDDEN)
        self.heads = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        y = self.branch(x, ids)
        pooled = torch.cat([mean_of(y, ids, self.branch.pad), y[:, 0]], dim=1)
        pooled = F.dropout(torch.tanh(self.dense(pooled)), self.branch.layers[0].dropout, self.training)
        return self.heads(pooled)


class Tagger(nn.Module):
    """One row of label logits for each token."""

    def __init__(self, branch: Branch, labels: int) -> None:
        super().__init__()
        self.branch = branch
        self.tags = nn.Linear(HIDDEN, labels)

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        return self.tags(self.branch(x, ids))


class Sentence(nn.Module):
    """The base's own sentence embedding: mean over tokens, length one."""

    def __init__(self, branch: Branch) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        return F.normalize(mean_of(self.branch(x, ids), ids, self.branch.pad), dim=-1)
