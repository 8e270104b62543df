#!/bin/sh
# Unpacks the mail servers that Debian does not let one install side by side, with the libraries they need, into a folder in
# which the interop tests run them by chroot. Nothing is installed. Run it as root.
set -eu
done=/var/cache/effect-mail/mail-servers
[ -e "$done" ] && exit 0
mkdir -p "$(dirname "$done")"
folder=$(mktemp -d -p "$(dirname "$done")")
trap 'rm -rf "$folder"' EXIT
packages="postfix exim4-daemon-light opensmtpd dovecot-core dovecot-lmtpd dovecot-submissiond dash"
chmod 755 "$folder"
mkdir -p "$folder/debs"
cd "$folder/debs"
ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || apt-get -qq update

# Everything they depend on that is a library and can be of use without an init system.
# shellcheck disable=SC2086
libraries=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
  --no-enhances $packages | grep -E "^(lib|zlib1g)" | sort -u |
  grep -vE 'python|debian-installer|systemd-shared|cryptsetup|newt|slang|kmod|fdisk|elogind|textwrap|ncurses|readline')
# shellcheck disable=SC2086
apt-get -qq -o APT::Sandbox::User=root download $packages $libraries >/dev/null
for deb in *.deb; do dpkg -x "$deb" "$folder/root"; done
rm -rf "$folder/debs"

cd "$folder/root"
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/lintian
mkdir -p dev etc tmp run var/spool/smtpd var/lib/opensmtpd/empty var/lib/postfix var/mail
[ -e dev/null ] || mknod -m 666 dev/null c 1 3
[ -e dev/zero ] || mknod -m 666 dev/zero c 1 5
[ -e dev/random ] || mknod -m 666 dev/random c 1 8
[ -e dev/urandom ] || mknod -m 666 dev/urandom c 1 9
cat >etc/passwd <<'USERS'
root:x:0:0::/:/bin/false
nobody:x:65534:65534::/:/bin/false
postfix:x:907:907::/var/spool/postfix:/bin/false
postdrop:x:908:908::/:/bin/false
Debian-exim:x:901:901::/var/spool:/bin/false
opensmtpd:x:902:902::/var/lib/opensmtpd/empty:/bin/false
opensmtpq:x:903:903::/var/lib/opensmtpd/empty:/bin/false
dovecot:x:904:904::/var/lib:/bin/false
dovenull:x:905:905::/var/lib:/bin/false
vmail:x:906:906::/var/mail:/bin/false
USERS
sed -E 's/^([^:]*):x:[0-9]+:([0-9]+).*/\1:x:\2:/' etc/passwd >etc/group
printf '127.0.0.1 localhost\n' >etc/hosts
printf 'smtp 25/tcp\nlmtp 24/tcp\nsubmission 587/tcp\nsubmissions 465/tcp\n' >etc/services
[ -e var/run ] || ln -s ../run var/run
chmod 711 var/spool/smtpd
printf 'passwd: files\ngroup: files\nhosts: files\n' >etc/nsswitch.conf
chown vmail:vmail var/mail 2>/dev/null || chown 906:906 var/mail

# In one step, so that it is there as a whole or not at all.
[ -e "$done" ] || mv -T "$folder" "$done"
