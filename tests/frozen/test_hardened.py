"""Hosts that forbid the usual. Every script runs in a mount namespace of its own (see `apart`)."""

import pytest

from app import __version__

pytestmark = [pytest.mark.slow, pytest.mark.frozen]
HERE = f"sallyport {__version__}\n"


def test_runs_as_nobody_without_a_home(apart) -> None:
    result = apart('as_nobody "$file" version')
    assert (result.stdout, result.returncode) == (HERE, 0), result.stderr


def test_runs_with_noexec_tmp(apart) -> None:
    result = apart(
        "mount -o remount,noexec /tmp; cp $file /var/lib/x; as_nobody /var/lib/x version; ls -d /var/tmp/*"
    )
    assert result.stdout == HERE + "/var/tmp/sallyport-rt-65534\n", result.stderr


def test_runs_as_nobody_where_every_temporary_folder_is_noexec(apart) -> None:
    result = apart("""
        cp $file /var/lib/x
        for place in /tmp /var/tmp /dev/shm; do mount -o remount,noexec "$place"; done
        as_nobody /var/lib/x version
    """)
    assert result.stdout == HERE, result.stderr


def test_runs_as_root_on_a_read_only_root(apart) -> None:
    result = apart("""
        for place in /tmp /var/tmp /var/lib /dev/shm; do mount -o remount,ro "$place"; done
        mount -o remount,bind,ro /
        ! touch /x /var/lib/x 2>/dev/null
        env -i PATH=/usr/bin:/bin $file version
    """)
    assert result.stdout == HERE, result.stderr


def test_folder_planted_by_another_user_is_passed_over(apart) -> None:
    result = apart("""
        mkdir /var/tmp/sallyport-rt-65534
        chown 65533 /var/tmp/sallyport-rt-65534
        as_nobody "$file" version
        ls -A /var/tmp/sallyport-rt-65534
        ls -d /tmp/sallyport-rt-*
    """)
    assert result.stdout == HERE + "/tmp/sallyport-rt-65534\n", result.stderr


def test_link_planted_by_another_user_is_not_followed(apart) -> None:
    result = apart("""
        mkdir -m 777 /dev/shm/trap
        ln -s /dev/shm/trap /var/tmp/sallyport-rt-65534
        as_nobody "$file" version
        ls -A /dev/shm/trap
    """)
    assert result.stdout == HERE, result.stderr


def test_folder_writable_by_others_is_passed_over(apart) -> None:
    result = apart("""
        mkdir -m 777 /var/lib/open
        chown 65534 /var/lib/open
        as_nobody SALLYPORT_RUNTIME_DIR=/var/lib/open "$file" version
        ls -A /var/lib/open
    """)
    assert result.stdout == HERE, result.stderr


def test_full_folder_is_passed_over(apart) -> None:
    result = apart("""
        mkdir /var/lib/full && mount -t tmpfs -o size=8m,mode=755,uid=65534 tmpfs /var/lib/full
        as_nobody SALLYPORT_RUNTIME_DIR=/var/lib/full "$file" version
        ls -A /var/lib/full
    """)
    assert result.stdout == HERE, result.stderr


def test_service_manager_state_folder_is_used(apart) -> None:
    result = apart("""
        mkdir -m 700 /var/lib/svc && chown 65534 /var/lib/svc
        as_nobody STATE_DIRECTORY=/var/lib/svc "$file" version
        ls /var/lib/svc/rt | wc -l
    """)
    assert result.stdout == HERE + "1\n", result.stderr


def test_needs_nothing_of_the_host_but_proc(apart) -> None:
    result = apart("""
        mkdir -p /tmp/bare/proc /tmp/bare/rt && cp $file /tmp/bare/
        mount -t proc proc /tmp/bare/proc
        ls /tmp/bare
        SALLYPORT_RUNTIME_DIR=/rt chroot /tmp/bare /sallyport version
    """)
    assert result.stdout == "proc\nrt\nsallyport\n" + HERE, result.stderr


def test_says_which_folders_were_tried_when_none_will_do(apart) -> None:
    result = apart("""
        cp $file /var/lib/x
        for place in /tmp /var/tmp /dev/shm; do mount -o remount,noexec "$place"; done
        as_nobody unshare --user --map-root-user sh -c '
            echo 0 >/proc/sys/user/max_user_namespaces; echo 0 >/proc/sys/user/max_mnt_namespaces
            exec /var/lib/x version'
    """)
    assert result.returncode == 1
    assert "/var/tmp/sallyport-rt-0: mounted noexec" in result.stderr
    assert "SALLYPORT_RUNTIME_DIR" in result.stderr


def test_story_runs_as_nobody_where_every_temporary_folder_is_noexec(apart) -> None:
    result = apart("""
        cp $file /var/lib/x && mkdir /var/lib/site && chown 65534 /var/lib/site
        for place in /tmp /var/tmp /dev/shm; do mount -o remount,noexec "$place"; done
        as_nobody /var/lib/x demo --once --json --data /var/lib/site
    """)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('"trace_id"') == 3


def test_story_runs_as_root_on_a_read_only_root_with_a_writable_data_folder(apart) -> None:
    result = apart("""
        mkdir /var/lib/site && mount -t tmpfs -o mode=755 tmpfs /var/lib/site
        for place in /tmp /var/tmp /var/lib /dev/shm; do mount -o remount,ro "$place"; done
        mount -o remount,bind,ro /
        env -i PATH=/usr/bin:/bin $file demo --once --json --data /var/lib/site
        ls -ld /var/lib/site/postgres | cut -d' ' -f3
    """)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('"trace_id"') == 3
    assert not result.stdout.endswith("root\n"), "PostgreSQL must not run as root"
