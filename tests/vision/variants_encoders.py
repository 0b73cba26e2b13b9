"""The same picture by other people's encoders, and in other colour spaces."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from tests.vision import icc
from tests.vision.encodings import encoded
from tests.vision.variants import (
    Maker,
    Variant,
    as_gif,
    bilevel,
    grey,
    jpeg,
    linear,
    lossless_jpeg,
    paletted,
    program,
    tifffile,
)

_LUMA = (0.299, 0.587, 0.114)


def _tifffile(change: Any = None, **options: Any) -> Maker:
    """By tifffile, of the pixels [height, width, 3] that `change` makes."""

    def make(image: Image.Image) -> bytes:
        out = io.BytesIO()
        module: Any = tifffile()
        pixels = np.asarray(image)
        module.imwrite(out, change(pixels) if change else pixels, **options)
        return out.getvalue()

    return make


def _luma(pixels: Any) -> Any:
    return np.asarray(Image.fromarray(pixels).convert("L"))


def _wide(pixels: Any) -> Any:
    return pixels.astype(np.uint16) * 257


def _in_space(name: str, kind: str, **options: Any) -> Maker:
    """By Pillow, in another colour space, with its profile."""
    return lambda image: encoded(
        icc.converted(image, name), kind, icc_profile=icc.matrix(name), **options
    )


def _srgb(kind: str, **options: Any) -> Maker:
    """By Pillow, with the profile that says what is usual."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return lambda image: encoded(image, kind, icc_profile=profile, **options)


def _linear_grey(image: Image.Image) -> bytes:
    """Grey whose profile says that its samples are light."""
    table = [round(255 * (v / 255) ** 2.2) for v in range(256)]
    return encoded(image.convert("L").point(table), "PNG", icc_profile=icc.grey(1.0))


def _lab(image: Image.Image) -> bytes:
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    shown = ImageCms.applyTransform(image, transform)
    assert shown is not None
    return encoded(shown, "TIFF")


def _magick(
    *options: str, target: str = "out.tif", form: str = "", source: str = "in.png"
) -> Maker:
    return program("convert", "IN", *options, f"{form}OUT", source=source, target=target)


def _ffmpeg(*options: str, target: str) -> Maker:
    return program("ffmpeg", "-v", "error", "-y", "-i", "IN", *options, "OUT", target=target)


def _piped(*command: str, source: str = "in.ppm") -> Maker:
    return program(*command, "IN", source=source)


_KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0}, "PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}
}  # fmt: skip


def _cjpeg(*options: str) -> Maker:
    return _piped("cjpeg", "-quality", "98", *options)


PROFILES = (
    *(
        Variant(f"{kind} in {name}".lower(), _in_space(name, kind, **options))
        for kind, options in _KINDS.items()
        for name in icc.SPACES
    ),
    Variant("jpeg, sRGB's profile", _srgb("JPEG", quality=98, subsampling=0)),
    Variant("png, sRGB's profile", _srgb("PNG")),
    Variant("png grey, linear profile", _linear_grey,
            like=lambda i: linear(grey(i)), least=0.97),
    Variant("tiff Lab", _lab, least=0.97),
)  # fmt: skip

ENCODERS = (
    Variant("cjpeg", _cjpeg("-sample", "1x1"), "cjpeg"),
    Variant("cjpeg progressive", _cjpeg("-sample", "1x1", "-progressive"), "cjpeg"),
    Variant("cjpeg arithmetic", _cjpeg("-sample", "1x1", "-arithmetic"), "cjpeg"),
    Variant("cjpeg grey", _cjpeg("-grayscale"), "cjpeg", like=grey),
    Variant("cjpeg restarts", _cjpeg("-sample", "1x1", "-restart", "1"), "cjpeg"),
    Variant("cjpeg RGB", _cjpeg("-rgb"), "cjpeg"),
    Variant("cjpeg 1×2", _cjpeg("-sample", "1x2"), "cjpeg"),
    Variant("cjpeg 4×1", _cjpeg("-sample", "4x1"), "cjpeg"),
    Variant("cwebp", program("cwebp", "-quiet", "-q", "98", "IN", "-o", "OUT"), "cwebp"),
    Variant("cwebp lossless", program("cwebp", "-quiet", "-lossless", "IN", "-o", "OUT"), "cwebp"),
    Variant("cwebp sharp", program("cwebp", "-quiet", "-q", "98", "-sharp_yuv", "IN", "-o", "OUT"),
            "cwebp"),
    Variant("gifsicle", program("gifsicle", "-O3", "IN", "-o", "OUT", source="in.gif"), "gifsicle",
            like=as_gif),
    Variant("gifsicle interlaced",
            program("gifsicle", "--interlace", "IN", "-o", "OUT", source="in.gif"), "gifsicle",
            like=as_gif),
    Variant("gifsicle cropped",
            program("gifsicle", "--crop", "30,5+460x450", "IN", "-o", "OUT", source="in.gif"),
            "gifsicle", like=lambda i: as_gif(i).crop((30, 5, 490, 455))),
    Variant("optipng interlaced",
            program("optipng", "-quiet", "-i1", "-o1", "IN", "-out", "OUT"), "optipng"),
    Variant("ffmpeg jpeg", _ffmpeg("-q:v", "1", "-qmin", "1", "-pix_fmt", "yuvj444p",
            target="o.jpg"), "ffmpeg", least=0.97),
    Variant("ffmpeg jpeg-ls", _ffmpeg("-c:v", "jpegls", target="o.jls"), "ffmpeg",
            refused="JPEG-LS"),
    Variant("ffmpeg png of 16 bits", _ffmpeg("-pix_fmt", "rgb48be", target="o.png"), "ffmpeg"),
    Variant("ffmpeg png grey of 16 bits", _ffmpeg("-pix_fmt", "gray16be", target="o.png"), "ffmpeg",
            like=grey),
    Variant("ffmpeg apng", _ffmpeg("-f", "apng", target="o.png"), "ffmpeg"),
    Variant("ffmpeg bmp", _ffmpeg("-pix_fmt", "bgr24", target="o.bmp"), "ffmpeg"),
    Variant("ffmpeg tiff", _ffmpeg("-compression_algo", "lzw", target="o.tif"), "ffmpeg"),
    Variant("ffmpeg gif", _ffmpeg("-filter_complex",
            "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none", target="o.gif"), "ffmpeg",
            least=0.97),
    Variant("ffmpeg ppm of 16 bits", _ffmpeg("-pix_fmt", "rgb48be", target="o.ppm"), "ffmpeg"),
    Variant("ffmpeg pam", _ffmpeg(target="o.pam"), "ffmpeg", refused="PAM"),
    Variant("ffmpeg jpeg 2000", _ffmpeg(target="o.jp2"), "ffmpeg", refused="JPEG 2000"),
    Variant("heif-enc", program("heif-enc", "IN", "-o", "OUT", target="o.heic"), "heif-enc",
            refused="HEIC"),
    Variant("cjxl", program("cjxl", "IN", "OUT", target="o.jxl"), "cjxl", refused="JPEG XL"),
    Variant("magick jpeg 2×1", _magick("-sampling-factor", "2x1", target="o.jpg"), "convert"),
    Variant("magick jpeg cmyk", _magick("-colorspace", "CMYK", target="o.jpg"), "convert"),
    Variant("magick png 8", _magick(target="o.png", form="png8:", source="in.gif"), "convert",
            like=as_gif),
    Variant("magick png 48", _magick(target="o.png", form="png48:"), "convert"),
    Variant("magick png 64", _magick(target="o.png", form="png64:"), "convert"),
    Variant("magick gif", _magick(target="o.gif", source="in.gif"), "convert",
            like=as_gif),
    Variant("magick bmp2", _magick(target="o.bmp", form="bmp2:"), "convert"),
    Variant("magick bmp3", _magick(target="o.bmp", form="bmp3:"), "convert"),
    Variant("magick bmp with alpha", _magick("-alpha", "on", target="o.bmp"), "convert"),
    Variant("magick tiff lzw", _magick("-compress", "lzw"), "convert"),
    Variant("magick tiff zip", _magick("-compress", "zip"), "convert"),
    Variant("magick tiff run lengths", _magick("-compress", "rle"), "convert"),
    Variant("magick tiff jpeg", _magick("-compress", "jpeg", "-quality", "98"), "convert"),
    Variant("magick tiff fax", lambda i: _magick("-compress", "fax")(bilevel(i)), "convert",
            like=bilevel),
    Variant("magick tiff group 4", lambda i: _magick("-compress", "group4")(bilevel(i)), "convert",
            like=bilevel),
    Variant("magick tiff big-endian", _magick("-define", "tiff:endian=msb"), "convert"),
    Variant("magick tiff of 16 bits", _magick("-depth", "16"), "convert"),
    Variant("magick tiff of 12 bits", _magick("-depth", "12"), "convert", refused="12 bits"),
    Variant("magick tiff in tiles", _magick("-define", "tiff:tile-geometry=64x64"), "convert"),
    Variant("magick tiff in planes", _magick("-interlace", "plane"), "convert"),
    Variant("magick tiff of 16 bits in planes", _magick("-interlace", "plane", "-depth", "16"),
            "convert", refused="in planes"),
    Variant("magick tiff cmyk", _magick("-colorspace", "CMYK"), "convert"),
    Variant("magick tiff white is 0", lambda i: _magick("-negate", "-define",
            "quantum:polarity=min-is-white")(grey(i)), "convert", like=grey),
    Variant("magick tiff white is 0, 16 bits", lambda i: _magick("-negate", "-depth", "16",
            "-define", "quantum:polarity=min-is-white")(grey(i)), "convert", like=grey),
    Variant("magick tiff of floats", _magick("-define", "quantum:format=floating-point", "-depth",
            "32", "-type", "TrueColor"), "convert", refused="floating-point"),
    Variant("magick tiff alpha multiplied in", _magick("-alpha", "on", "-define",
            "tiff:alpha=associated"), "convert"),
    Variant("magick BigTIFF", _magick(target="o.tif", form="tiff64:"), "convert"),
    Variant("magick webp", _magick("-quality", "98", target="o.webp"), "convert"),
    Variant("magick ppm plain", _magick("-compress", "none", target="o.ppm"), "convert"),
    Variant("magick psd", _magick(target="o.psd"), "convert", refused="Photoshop"),
    Variant("magick icon", _magick("-resize", "200x200", target="o.ico"), "convert",
            refused="icon"),
    Variant("pnmtotiff", _piped("pnmtotiff", "-lzw"), "pnmtotiff"),
    Variant("ppmtobmp", _piped("ppmtobmp"), "ppmtobmp"),
    Variant("tifffile", _tifffile(photometric="rgb"), "tifffile"),
    Variant("tifffile BigTIFF", _tifffile(photometric="rgb", bigtiff=True), "tifffile"),
    Variant("tifffile BigTIFF, big-endian",
            _tifffile(photometric="rgb", bigtiff=True, byteorder=">"), "tifffile"),
    Variant("tifffile in tiles", _tifffile(photometric="rgb", tile=(64, 64)), "tifffile"),
    Variant("tifffile in planes", _tifffile(lambda p: p.transpose(2, 0, 1), photometric="rgb",
            planarconfig="separate"), "tifffile"),
    Variant("tifffile of 16 bits in planes", _tifffile(lambda p: _wide(p).transpose(2, 0, 1),
            photometric="rgb", planarconfig="separate"), "tifffile", refused="in planes"),
    Variant("tifffile of 16 bits that hold 12", _tifffile(lambda p: _wide(p) >> 4,
            photometric="rgb"), "tifffile"),
    Variant("tifffile grey of 16 bits that hold 12", _tifffile(lambda p: _wide(_luma(p)) >> 4,
            photometric="minisblack"), "tifffile", like=grey),
    Variant("tifffile grey of 16 bits, white is 0", _tifffile(lambda p: 65535 - _wide(_luma(p)),
            photometric="miniswhite"), "tifffile", like=grey),
    Variant("tifffile grey, big-endian, white is 0", _tifffile(lambda p: 65535 - _wide(_luma(p)),
            photometric="miniswhite", byteorder=">"), "tifffile", like=grey),
    Variant("tifffile grey of 32-bit floats", _tifffile(lambda p: _luma(p).astype(np.float32) / 255,
            photometric="minisblack"), "tifffile", like=grey),
    Variant("tifffile of 64-bit floats", _tifffile(lambda p: _luma(p).astype(np.float64),
            photometric="minisblack"), "tifffile", refused="64 floating-point"),
)  # fmt: skip

PLAIN = (
    Variant("jpeg progressive", lambda i: jpeg(i, progressive=True)),
    Variant("jpeg 4:2:0", lambda i: jpeg(i, subsampling=2)),
    Variant("jpeg lossless", lambda i: lossless_jpeg(i.convert("L")), like=grey),
    Variant("jpeg grey", lambda i: jpeg(i.convert("L")), like=grey),
    Variant("png palette", lambda i: encoded(i.quantize(64, dither=Image.Dither.NONE), "PNG"),
            like=paletted),
    Variant("avif", lambda i: encoded(i, "AVIF", quality=98), refused="AVIF is not accepted"),
)  # fmt: skip
