"""How releases before this one used the database, word for word: it must not change when the code does."""

from dataclasses import dataclass

ROW = ("'id-1', 7, 'https://shop.kr/a.png', '초코쿠키', '{\"fat\": \"7\"}', '[\"밀가루\"]', 'COMPLETED', 'e', 'r', 12, "
       "'2026-01-02T03:04:05.678+00:00'")  # fmt: skip

# Releases before migrations, which knew SQLite alone.
MADE = """
CREATE TABLE IF NOT EXISTS analysis_results (
    id TEXT PRIMARY KEY,
    product_id INTEGER,
    image_url TEXT NOT NULL,
    product_name TEXT,
    nutrition_info TEXT,
    ingredients TEXT,
    decode_status TEXT NOT NULL,
    engine TEXT NOT NULL,
    release_id TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS analysis_results_created_at ON analysis_results (created_at);
PRAGMA user_version = 1;
"""


@dataclass(frozen=True)
class Release:
    """A release whose newest revision is the one it stands under in `RELEASES`: how it writes, and what it reads."""

    insert: str
    select: str


RELEASES = {
    "0001": Release(f"INSERT INTO analysis_results VALUES ({ROW})", "SELECT * FROM analysis_results"),
    "0002": Release(
        "INSERT INTO analysis_results (id, product_id, image_url, product_name, nutrition_info, ingredients,"
        " decode_status, engine, release_id, duration_ms, created_at, input_tokens, output_tokens)"
        f" VALUES ({ROW}, 900, 300) ON CONFLICT (id) DO NOTHING",
        "SELECT id, product_id, image_url, product_name, nutrition_info, ingredients, decode_status, engine,"
        " release_id, duration_ms, created_at, input_tokens, output_tokens FROM analysis_results",
    ),
}
