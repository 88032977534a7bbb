"""Libraries in the place of libedgetpu, compiled here: what it does when it works, and each way in which it fails."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from edge.device.contract import ModelFile, read_contract, write_contract

MakeArtifact = Callable[..., Path]
LibraryOf = Callable[[str], Path]

# The interface of an external delegate, as tflite/delegates/external/external_delegate_interface.h and
# tflite/core/c/common.h have it. This one takes no operator, so that the CPU computes all of them.
_DELEGATE = """
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
struct Delegate {
    void *data; int (*prepare)(void *, struct Delegate *); void *from, *to, *release; int64_t flags; void *builder;
};
static int prepare(void *context, struct Delegate *self) { (void)context; (void)self; %(prepare)s }
static struct Delegate delegate = { .prepare = prepare };
void *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    (void)keys; (void)values; (void)count; (void)report; %(create)s return &delegate;
}
void tflite_plugin_destroy_delegate(void *self) { (void)self; }
"""
_FAITHFUL = {"prepare": "return 0;", "create": ""}
LIBRARIES = {
    "works": {},
    "segfaults": {"prepare": "*(volatile int *)self->data = 1; return 0;"},  # as a mismatched pair does, when built
    "aborts": {"prepare": "abort();"},
    "is killed by the kernel": {"prepare": "raise(SIGILL); return 0;"},
    "hangs": {"prepare": "for (;;) pause();"},
    "refuses the model": {"prepare": "return 1;"},
    "finds no device": {"create": 'report("No such device"); return 0;'},
    "exits": {"prepare": 'puts("F driver.cc:42 Check failed"); exit(7);'},
}


@pytest.fixture(scope="session")
def library_of(tmp_path_factory: pytest.TempPathFactory) -> LibraryOf:
    """The compiled library that behaves in that way."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    folder = tmp_path_factory.mktemp("libedgetpu")

    @cache
    def compile_library(way: str) -> Path:
        path = folder / f"{way.replace(' ', '-')}.so"
        source = path.with_suffix(".c")
        source.write_text(_DELEGATE % {**_FAITHFUL, **LIBRARIES[way]})
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", path, source], check=True)
        return path

    return compile_library


@pytest.fixture
def coral(make_artifact: MakeArtifact, tmp_path: Path) -> Path:
    """The tiny artefact for coral, with a compiled file: the same network, as the compiler is not at hand."""
    folder = make_artifact(tmp_path / "coral", target="coral")
    shutil.copyfile(folder / "model.tflite", folder / "model_edgetpu.tflite")
    contract = read_contract(folder)
    compiled = ModelFile(file="model_edgetpu.tflite", sha256=contract.files[0].sha256, runtimes=())
    write_contract(folder, replace(contract, files=(*contract.files, compiled)))
    return folder
