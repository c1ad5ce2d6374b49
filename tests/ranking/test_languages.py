"""Search in languages: each title finds itself, and so does the first word of it that says something."""

from __future__ import annotations

import unicodedata

import pytest

from paars_gym.catalog.describe import describe
from paars_gym.catalog.language import LANGUAGES, check_language, detect_language
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.ranking import make_ranking
from paars_gym.ranking.index import open_index
from paars_gym.ranking.query import MAX_TERMS, STEMMERS, analyzer, index_text, product_terms, terms
from paars_gym.shoppers.queries import content_words, kept_words
from paars_gym.shoppers.registry import make_policy, reading, remembering
from paars_gym.shoppers.utility import display_for, display_of, traits_of
from paars_gym.words import folded, split_words

# Each title's first word that says something is the first of its words, but for those marked by a bar before it.
TITLES = {
    "en": (
        "Wireless noise cancelling headphones", "Stainless steel bottle 750 ml", "Cotton bed sheets, queen size",
        "Non-stick frying pan 28 cm", "The| charging cable for USB-C, 2 m", "Running shoes for women",
        "Adjustable desk lamp", "Leather wallet for men", "Ceramic coffee mug with lid", "Folding camping chair",
        "Bluetooth speaker, waterproof", "Children's rain jacket",
    ),
    "de": (
        "Kabellose Kopfhörer mit Geräuschunterdrückung", "Trinkflasche aus Edelstahl", "Bettwäsche aus Baumwolle",
        "Bratpfanne mit Antihaftbeschichtung 28 cm", "Hochgeschwindigkeitsdatenübertragungskabel 2 m",
        "Laufschuhe für Damen", "Verstellbare Schreibtischlampe", "Geldbörse aus Leder", "Große Kaffeetasse mit Deckel",
        "Klappstuhl für den Garten", "Wasserdichter Lautsprecher", "Müslischüssel aus Weißblech",
    ),
    "tr": (
        "Kablosuz gürültü önleyici kulaklık", "Paslanmaz çelik su matarası 750 ml", "Pamuklu çarşaf takımı",
        "Yapışmaz tava 28 cm", "USB-C şarj kablosu 2 m", "Kadın koşu ayakkabısı", "Ayarlanabilir masa lambası",
        "Erkek deri cüzdan", "Kapaklı seramik kahve kupası", "Katlanır kamp sandalyesi", "Işıklı hoparlör, su geçirmez",
        "İstanbul baskılı tişört",
    ),
    "ar": (
        "سماعات لاسلكية عازلة للضوضاء", "زجاجة ماء من الفولاذ المقاوم للصدأ", "ملاءات سرير قطنية ناعمة",
        "مقلاة غير لاصقة ٢٨ سم", "كابل شحن سريع للهاتف", "حذاء جري خفيف للنساء", "مصباح مكتب قابل للتعديل",
        "محفظة جلدية للرجال", "كوب قهوة من السيراميك", "كرسي تخييم قابل للطي", "مكبّر صوت مقاوم للماء",
        "إبريق شاي زجاجي",
    ),
    "hi": (
        "वायरलेस हेडफ़ोन शोर कम करने वाला", "स्टेनलेस स्टील की पानी की बोतल", "सूती चादर बड़े पलंग के लिए", "नॉनस्टिक तवा २८ सेमी",
        "चार्जिंग केबल तेज़", "महिलाओं के लिए दौड़ने के जूते", "मेज़ का लैंप", "चमड़े का बटुआ", "सिरेमिक कॉफ़ी मग", "कैंपिंग कुर्सी मुड़ने वाली",
        "इलेक्ट्रॉनिक्स मरम्मत किट", "ब्लूटूथ स्पीकर वाटरप्रूफ़",
    ),
    "ja": (
        "ワイヤレスノイズキャンセリングヘッドホン", "ステンレス水筒 750ml", "綿100%のベッドシーツ",
        "フライパン焦げ付かないタイプ28cm",
        "充電ケーブル2m高速", "女性用ランニングシューズ", "調光デスクランプ", "本革財布メンズ",
        "蓋付き陶器マグカップ", "折りたたみ椅子アウトドア", "防水スピーカー", "ﾍｯﾄﾞﾎﾝ用ケース",
    ),
    "zh": (
        "无线蓝牙降噪耳机", "不锈钢保温杯750毫升", "纯棉床单四件套", "不粘煎锅28厘米", "快速充电线2米", "女士跑步鞋",
        "可调节台灯", "男士真皮钱包", "陶瓷咖啡杯带盖", "折叠露营椅", "防水蓝牙音箱", "儿童雨衣",
    ),
    "th": (
        "หูฟังไร้สายตัดเสียงรบกวน", "ขวดน้ำสแตนเลสเก็บความเย็น", "ผ้าปูที่นอนผ้าฝ้าย", "กระทะเคลือบไม่ติด ๒๘ ซม.", "สายชาร์จเร็วสองเมตร",
        "รองเท้าวิ่งผู้หญิง", "โคมไฟตั้งโต๊ะปรับได้", "กระเป๋าสตางค์หนังแท้", "แก้วกาแฟเซรามิก", "เก้าอี้พับสำหรับแคมป์ปิ้ง", "ลำโพงบลูทูธกันน้ำ",
        "เสื้อกันฝนเด็ก",
    ),
}  # fmt: skip
# Words inside titles of scripts without spaces, with all titles that hold them.
INSIDE = {
    "ja": {"ヘッドホン": (0, 11), "財布": (7,), "防水": (10,), "ランニング": (5,), "綿": (2,)},
    "zh": {"蓝牙": (0, 10), "耳机": (0,), "咖啡": (8,), "跑步鞋": (5,), "灯": (6,)},
    "th": {"หูฟัง": (0,), "รองเท้า": (5,), "กาแฟ": (8,), "น้ำ": (1, 10)},
}
# One word as a shopper may write it, and the title that has to come first.
SPELLINGS = {
    "en": {"headphone": 0, "RUNNING SHOE": 5, "ｗｉｒｅｌｅｓｓ": 0},
    "de": {
        "kopfhoerer": 0,
        "KOPFHÖRERN": 0,
        "kopfhorer": 0,
        "muesli schuessel weissblech": None,
        "grosse": 8,
        "Laufschuh": 5,
    },
    "tr": {"istanbul": 11, "ISTANBUL": 11, "İSTANBUL": 11, "ışıklı": 10, "IŞIKLI": 10, "isikli": 10, "KULAKLIK": 0},
    "ar": {"سماعة": 0, "سماعه": 0, "السماعات": 0, "28": 3, "مكبر": 10, "ابريق": 11, "زجاجه ماء": 1},
    "hi": {"हेडफोन": 0, "28": 3, "काफी": None, "कॉफी": 8, "तेज": 4, "वाटरप्रूफ": 11},
    "ja": {"ﾍｯﾄﾞﾎﾝｹｰｽ": 11, "７５０ＭＬ": 1},
    "zh": {"無線": None, "蓝牙耳机": 0},
    "th": {"28": 3, "บลูทูธ": 10},
}


def shop(titles: tuple[str, ...], language: str = "") -> Catalog:
    return Catalog.from_products(
        [Product(id=f"{row:03d}", title=title.replace("|", "")) for row, title in enumerate(titles)], language=language
    )


def first_word(title: str) -> str:
    _, bar, rest = title.partition("|")
    return split_words(rest if bar else title)[0]


def finds_first(catalog: Catalog, query: str, row: int) -> bool:
    """Whether a product comes first, or shares the best score."""
    hits = open_index(catalog).search(query, limit=len(catalog))
    return row in [found for found, score in zip(hits.rows, hits.scores, strict=True) if score == hits.scores[0]]


@pytest.mark.parametrize("language", TITLES)
def test_the_language_is_detected_and_told(language: str) -> None:
    catalog = shop(TITLES[language])
    assert len(TITLES[language]) >= 12
    assert catalog.language == language
    assert ("language", f"{LANGUAGES[language]} ({language})") in describe(catalog)


@pytest.mark.parametrize("spoken", ["", "en", "mul"])
@pytest.mark.parametrize("language", TITLES)
def test_every_title_finds_itself_first_and_its_first_word_finds_it(language: str, spoken: str) -> None:
    catalog = shop(TITLES[language], spoken)
    for row, title in enumerate(TITLES[language]):
        assert finds_first(catalog, title.replace("|", ""), row), title
        assert row in open_index(catalog).search(first_word(title), limit=12).rows, title


def test_a_mixed_catalog_finds_every_title_too() -> None:
    mixed = tuple(title for titles in TITLES.values() for title in titles)
    catalog = shop(mixed)
    assert catalog.language == "mul"
    for row, title in enumerate(mixed):
        assert finds_first(catalog, title.replace("|", ""), row), title
        assert row in open_index(catalog).search(first_word(title), limit=len(mixed)).rows, title
    for language, words in INSIDE.items():
        start = mixed.index(TITLES[language][0])
        for word, rows in words.items():
            assert {start + row for row in rows} <= set(open_index(catalog).search(word, limit=len(mixed)).rows)


@pytest.mark.parametrize("language", INSIDE)
def test_a_word_within_a_run_without_spaces_finds_all_that_hold_it_before_any_other(language: str) -> None:
    catalog = shop(TITLES[language])
    for word, rows in INSIDE[language].items():
        assert set(open_index(catalog).search(word, limit=len(rows)).rows) == set(rows), word


@pytest.mark.parametrize("language", SPELLINGS)
def test_spellings_of_a_word_find_it(language: str) -> None:
    catalog = shop(TITLES[language], language)
    for query, row in SPELLINGS[language].items():
        if row is not None:
            assert open_index(catalog).search(query).rows[:1] == [row], query


@pytest.mark.parametrize("language", sorted(STEMMERS))
def test_every_stemmer_is_there_and_a_word_is_its_own_query(language: str) -> None:
    assert analyzer(language).analyze("x1 y2") == ["x1", "y2"]
    assert language in LANGUAGES


def test_arabic_words_lose_their_article_and_endings() -> None:
    assert {terms(word, "ar")[0] for word in ("سماعات", "سماعة", "السماعات", "والسماعات", "سماعه")} == {"سماع"}
    assert terms("ماء", "ar") == ["ماء"]


def test_what_a_query_asks_for_is_what_a_product_holds() -> None:
    for language, titles in TITLES.items():
        for title in titles:
            held = set(analyzer(language).analyze(index_text(title, language)))
            assert set(terms(title, language)) <= held
            assert set(product_terms(title, language)) == held
            assert len(terms(title, language)) <= MAX_TERMS


def test_folding_changes_no_ascii_and_nothing_twice() -> None:
    assert folded("Fan 5'9\" (x_y) ™") == "Fan 5'9\" (x_y) ™"
    for titles in TITLES.values():
        for title in titles:
            assert folded(folded(title)) == folded(title)
            assert folded(unicodedata.normalize("NFD", title)) == folded(unicodedata.normalize("NFC", title))


@pytest.mark.parametrize(
    ("titles", "language"),
    [
        ([f"w{number} w{number + 1}" for number in range(20)], "en"),
        (["Café table", "Café chair", "Cafés guide"], "en"),
        (["bari kotu", "menu zapi", "lefa dira", "sovu kine", "tapo gelu", "rini boka"] * 2, "en"),
        (["一"], "en"),
        ([], "en"),
        (["Wireless headphones", "Kabellose Kopfhörer"] * 10, "mul"),
    ],
)
def test_titles_that_tell_nothing_or_many_things(titles: list[str], language: str) -> None:
    assert detect_language(titles) == language


def test_a_language_is_set_by_its_code() -> None:
    assert [check_language(code) for code in ("de", "DE", "de-AT", " pt_BR ")] == ["de", "de", "de", "pt"]
    with pytest.raises(ValueError, match=r"Unknown language 'klingon'\. Available: ar \(Arabic\), "):
        check_language("klingon")
    with pytest.raises(ValueError, match="Unknown language"):
        shop(TITLES["en"], "xx")


def test_another_language_is_another_index(tmp_path) -> None:  # type: ignore[no-untyped-def]
    shop(TITLES["de"], "en").save(tmp_path / "shop")
    catalog = Catalog.open(tmp_path / "shop")
    assert catalog.card.language == "en"
    assert open_index(catalog).search("kopfhoerer").rows == []
    (index,) = (tmp_path / "shop").glob("index-*-en-*")
    assert make_ranking("bm25", shop(TITLES["de"], "de")).rank("kopfhoerer").rows == (0,)
    assert index.is_dir()


def test_the_detected_language_is_kept_with_the_catalog(tmp_path) -> None:  # type: ignore[no-untyped-def]
    shop(TITLES["tr"]).save(tmp_path / "shop")
    assert Catalog.open(tmp_path / "shop").card.language == "tr"


def test_shoppers_words_are_words_in_other_scripts() -> None:
    assert content_words("無線イヤホン、防水タイプ") == ("無線", "イヤホン", "防水", "タイプ")
    assert content_words("蓝牙降噪耳机") == ("蓝牙", "降噪", "耳机")
    assert content_words("हेडफ़ोन की कीमत")[0] == "हेडफ़ोन"
    assert content_words("茶") == ("茶",)
    assert kept_words(content_words("蓝牙降噪耳机"), "蓝牙耳机") == 2
    assert kept_words(content_words("quiet fan"), "quiet") == 1


@pytest.mark.parametrize("language", TITLES)
def test_who_wants_what_a_title_says_finds_the_title_relevant(language: str) -> None:
    for title in TITLES[language]:
        item = traits_of(Product(id="x", title=title.replace("|", "")), language=language)
        (figures,) = display_of([item], first_word(title), language=language).figures
        assert figures[0] == 1.0


def test_shoppers_know_the_endings_of_the_catalogs_language() -> None:
    products = [Product(id=f"p{number}", title=title, price=9.0) for number, title in enumerate(TITLES["de"])]
    catalog = Catalog.from_products([*products, Product(id="x", title="Kopfhörer aus Eiche", price=9.0)])
    assert catalog.language == "de"
    run = remembering(RunConfig(), catalog)
    assert run.options["language"] == "de"
    assert "language" not in remembering(RunConfig(), Catalog.from_products([Product(id="x", title="Chair")])).options
    assert remembering(RunConfig(policy="uniform"), catalog).options == {}
    assert reading(RunConfig(options={"language": "fr"}), catalog).options == {"language": "fr"}

    def relevance(language: str) -> float:
        page = display_for([catalog["x"]], "Kopfhörern", language=language)
        return page.figures[0][0]

    assert (relevance("de"), relevance("en")) == (1.0, 0.0)
    make_policy("behavioural", options={"language": "de"})
    with pytest.raises(ValueError, match="Unknown language 'xx'"):
        make_policy("behavioural", options={"language": "xx"})
