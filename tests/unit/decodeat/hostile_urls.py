"""Addresses that must not be asked, in every notation that somebody may try, and what their refusal is called.

No name in here belongs to anybody; `DNS` says where those that exist lead. Everything public stands with something that
must be refused before a connection is made.
"""

PUBLIC = "93.184.216.34"
# What a name resolves to here. Literals resolve to themselves, as they do anywhere.
DNS = {
    "loopback.test": ["127.0.0.1"],
    "half.test": [PUBLIC, "10.0.0.5"],
    "other-half.test": ["2606:4700::1", "fd00::5"],
    "six.test": ["::1"],
    "mapped.test": ["::ffff:169.254.169.254"],
    "translated.test": ["64:ff9b::a9fe:a9fe"],
    "this-network.test": ["0.0.0.0"],
    "garbage.test": ["not an address"],
    "nowhere.test": [],
    "metadata.google.internal": ["169.254.169.254"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "localhost": ["127.0.0.1"],
    "localhost.localdomain": ["127.0.0.1"],
    "http": ["127.0.0.1"],
    "intranet": ["10.0.0.5"],
}


def _each(reason: str, *hosts: str) -> list[tuple[str, str]]:
    return [(f"http://{host}/", reason) for host in hosts]


# Every kind of address that is not the public internet's (IANA's registries of special purposes, and the clouds' own).
NOT_PUBLIC = [
    "127.0.0.1", "127.1.2.3", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.254", "172.16.0.1",
    "172.31.255.254", "192.168.0.1", "192.168.255.254", "100.64.0.1", "100.127.255.254", "100.100.100.200",
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "168.63.129.16", "192.0.0.192", "192.0.0.170", "192.0.2.1",
    "198.18.0.1", "198.19.255.254", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::FFFF:127.0.0.1]",
    "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[fe80::1]", "[fe80::a9fe:a9fe]", "[febf::1]", "[fec0::1]", "[fc00::1]",
    "[fd00:ec2::254]", "[fd20:ce::254]", "[ff02::1]", "[ff0e::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]",
    "[2001::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[2001:20::1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a00:1]", "[5f00::1]", "[4000::1]",
    "[2a00:1450::5efe:7f00:1]", "[2a00:1450::200:5efe:a9fe:a9fe]",
]  # fmt: skip

HOSTILE = [
    *_each("private", *NOT_PUBLIC),
    # Names that lead there
    *_each(
        "private", "localhost", "localhost.", "LOCALHOST", "localhost.localdomain", "loopback.test", "half.test",
        "other-half.test", "six.test", "mapped.test", "translated.test", "this-network.test", "garbage.test",
        "127.0.0.1.nip.io", "metadata.google.internal", "METADATA.google.internal.", "intranet",
    ),
    *_each("name", "nowhere.test"),
    # Letters that turn into others
    *_each(
        "private", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "127．0．0．1", "ⓛocalhost", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "localhost。", "loca\u00adlhost", "ｌｏｃａｌｈｏｓｔ", "𝐥𝐨𝐜𝐚𝐥𝐡𝐨𝐬𝐭", "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    ),
    *_each("address", "loca\u202elhost", "loca\u200dlhost", "ⅼocal‥host", "１２７.１", "①２７.⓪0.0.1", "０x7f.0.0.1"),
    # Numbers that only some resolvers take for addresses
    *_each(
        "address", "2130706433", "017700000001", "0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.1",
        "127.1", "127.0.1", "127.0.0.01", "00127.0.0.1", "127.0.0.1.1", "127.0.0.1..", "127.0.0.256", "4294967296",
        "-1", "1.e9.0.1.0x", "a.1", "0xA9.0xFE.0xA9.0xFE", "2852039166", "0251.0376.0251.0376",
    ),
    *_each("private", "127.0.0.1."),
    # Hosts that are none
    *_each(
        "address", "127%2e0%2e0%2e1", "%6c%6f%63%61%6c%68%6f%73%74", f"{PUBLIC}%00.test", "localhost%00", "%5b::1%5d",
        "[fe80::1%25eth0]", "[fe80::1%25lo]", "[fe80::1%lo]", "[::1%25]", "[::1", "[::1]x", "[::1].test", "[]",
        "[127.0.0.1]", "[v1.fe80::a+en1]", "[::ffff:127.0.0.1.]", "[:::1]", "-dash.test", "a..b", ".localhost",
        "exa mple.test",
        f"{'a' * 64}.test", ".".join(["a" * 60] * 5), "a_b-.test", "*.test", "a,b", "a;b", "ex<ample.test", "", ".",
    ),
    # Ports, users, and what looks like one of them
    *((f"http://{PUBLIC}:{port}/", "address") for port in ("0", "22", "25", "443", "6379", "8000", "65536", "99999",
                                                          "-1", "+80", "80a", " 80", "0x50", "８０")),
    (f"https://{PUBLIC}:80/", "address"), ("http://127.0.0.1:8099/", "address"), ("http://127.0.0.1:80/", "private"),
    ("http://127.0.0.1.:80/", "private"), ("http://127.0.0.1:/", "private"), ("https://127.0.0.1:443/", "private"),
    *_each(
        "address", f"user:secret@{PUBLIC}", f"user@{PUBLIC}", f"@{PUBLIC}", f":@{PUBLIC}", f"{PUBLIC}@127.0.0.1",
        f"127.0.0.1@{PUBLIC}", f"a@b@{PUBLIC}", f"127.0.0.1:80@{PUBLIC}", f"{PUBLIC}:80@127.0.0.1",
    ),
    (f"http://127.0.0.1?@{PUBLIC}/", "private"), (f"http://127.0.0.1#@{PUBLIC}/", "private"),
    (f"http://127.0.0.1/@{PUBLIC}/", "private"),
    # What parsers disagree about
    (f"http://{PUBLIC}\\@127.0.0.1/", "address"), (f"http://127.0.0.1\\@{PUBLIC}/", "address"),
    ("http:\\\\127.0.0.1\\", "address"), ("http:/\\127.0.0.1/", "address"), ("http:///127.0.0.1/", "address"),
    ("http:////127.0.0.1/", "address"), ("http:/127.0.0.1/", "address"), ("http:127.0.0.1/", "address"),
    ("http://", "address"), ("https:///", "address"), ("http:///etc/passwd", "address"),
    ("http://http://127.0.0.1/", "private"), ("http://?http://127.0.0.1/", "address"),
    (f"http://{PUBLIC}/\r\nHost: localhost", "address"), (f"http://{PUBLIC}\r\n/", "address"),
    (f"http://{PUBLIC}/\t", "address"), (f"http://{PUBLIC}/\0", "address"), ("http://127.0.0.1\0.test/", "address"),
    (f"http://{PUBLIC}/\x7f", "address"), ("\thttp://127.0.0.1/", "address"), ("h\nttp://127.0.0.1/", "address"),
    ("http://127.0.0.1%0d%0aHost:%20localhost/", "address"),
    (f"http://{PUBLIC}/\ud800", "address"),
    (f"http://{PUBLIC}/" + "a" * 5000, "address"), ("http://" + "a." * 3000 + "test/", "address"),
    # Other ways to fetch something
    ("HTTP://127.0.0.1/", "private"), ("file:///etc/passwd", "address"),
    ("gopher://127.0.0.1:6379/_FLUSHALL", "address"),
    ("dict://127.0.0.1:6379/info", "address"), (f"ftp://{PUBLIC}/label.png", "address"),
    ("ldap://127.0.0.1/", "address"), ("data:image/png;base64,iVBORw0KGgo=", "address"),
    ("unix:/run/s.sock", "address"),
    ("javascript:alert(1)", "address"), ("jar:http://127.0.0.1!/", "address"), (f"//{PUBLIC}/", "address"),
    ("view-source:http://127.0.0.1/", "address"), ("url:http://127.0.0.1/", "address"),
    ("httpx://127.0.0.1/", "address"),
    ("/etc/passwd", "address"), ("", "address"), (" ", "address"),
]  # fmt: skip

# Where a redirect may lead besides all of the above: relative to a page of an origin that is let in.
REDIRECTS = [
    ("//127.0.0.1/", "private"), ("//[::1]/", "private"), ("///127.0.0.1/", "status"), ("\\\\127.0.0.1\\", "address"),
    ("/\\127.0.0.1/", "address"), ("https://127.0.0.1/", "private"), ("//localhost:6379/", "address"),
    ("//user@127.0.0.1/", "address"), ("//0x7f.1/", "address"), ("https:", "address"), ("http:/gone", "status"),
]  # fmt: skip
