"""tools/node_tests.sh reads the counts of both test runners."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('says, exits, counts', [
    ('# tests 5\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 1\n', 1, '3 1 1'),
    ('ℹ tests 2\nℹ pass 2\nℹ fail 0\n', 0, '2 0 0'),
    ('Running 4 tests\n  1 failed\n    [chromium] › a.spec.ts:3:1 › opens\n  1 skipped\n  2 passed (3.1s)\n', 1, '2 1 1'),
    ('  7 passed (1.1s)\n', 0, '7 0 0'),
    ('', 0, '0 0 0'),
])
def test_counts(says, exits, counts, tmp_path):
    (tmp_path / 'tools').mkdir()
    shutil.copy(ROOT / 'tools/node_tests.sh', tmp_path / 'tools')
    (tmp_path / 'page/node_modules').mkdir(parents=True)
    (tmp_path / 'page/said').write_text(says)
    (tmp_path / 'page/package.json').write_text('{"scripts": {"test": "cat said; exit %d"}}' % exits)
    (tmp_path / 'page/package-lock.json').write_text('{"lockfileVersion": 3, "packages": {}}')
    done = subprocess.run([tmp_path / 'tools/node_tests.sh', 'page'], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=os.environ | {'CHECK_COUNTS': str(tmp_path / 'counts')})
    assert (bool(done.returncode), (tmp_path / 'counts').read_text().strip()) == (bool(exits), counts), done.stderr
