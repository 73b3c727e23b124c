# Container images out of Debian's packages, for clusters that reach no image registry. It is read by
# scripts/node-images and scripts/chart-images, which set `work` to an empty directory. Needs apt-get and
# dpkg-deb; installs nothing.

# closure PACKAGE…: these and the libraries they need, without what is only for compiling queries or
# for scripts of the installation.
closure() {
    printf '%s\n' "$@"
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances "$@" |
        sed -n 's/^\(z\{0,1\}lib[^: ]*\)$/\1/p' |
        grep -vE '^lib(llvm|z3|perl|python|debconf|json-perl|text-|locale-|ipc-)|-perl$' | sort -u
}

# unpack ROOT PACKAGE…: unpacks packages, with /bin, /sbin and /lib inside of /usr as Debian has them.
unpack() {
    root=$1
    shift
    mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$work/packages"
    for name in bin sbin lib lib64; do
        ln -s "usr/$name" "$root/$name"
    done
    rm -f "$work"/packages/*.deb
    # shellcheck disable=SC2046
    (cd "$work/packages" && apt-get -o APT::Sandbox::User=root download -qq $(closure "$@") >/dev/null)
    for package in "$work"/packages/*.deb; do
        # Through tar, because dpkg-deb would replace the links.
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink
    done
    mkdir -p "$root/tmp" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/root" "$root/run" "$root/var"
    [ -e "$root/var/run" ] || ln -s /run "$root/var/run"
    chmod 1777 "$root/tmp" "$root/run"
    rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/lintian"
    for applet in sh cat chmod chown cp date env grep head hostname id kill ls mkdir mv nc ps pwd rm \
        sed sleep tail test touch true wc wget; do
        [ -e "$root/usr/bin/$applet" ] || ln -s busybox "$root/usr/bin/$applet"
    done
}

# users ROOT NAME ID: /etc/passwd and /etc/group with root and one more, whose uid and gid are ID.
users() {
    printf 'root:x:0:0:root:/root:/bin/sh\n%s:x:%s:%s::/:/bin/sh\n' "$2" "$3" "$3" >"$1/etc/passwd"
    printf 'root:x:0:\n%s:x:%s:\n' "$2" "$3" >"$1/etc/group"
}

# archive ROOT NAME FILE CONFIG: an image of one layer.
archive() {
    image=$work/image
    rm -rf "$image"
    mkdir "$image"
    tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$image/layer.tar" .
    layer=$(sha256sum "$image/layer.tar" | cut -d' ' -f1)
    architecture=$(dpkg --print-architecture)
    printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$architecture" "$4" "$layer" >"$image/config.json"
    config=$(sha256sum "$image/config.json" | cut -d' ' -f1).json
    mv "$image/config.json" "$image/$config"
    printf '[{"Config":"%s","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$config" "$2" >"$image/manifest.json"
    tar -C "$image" -cf "$3" manifest.json "$config" layer.tar
    echo "$3: $2"
}
