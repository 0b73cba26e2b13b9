"""ImageNet-1k classes as evidence for product categories, where a picture of the class would be
listed in a shop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CATEGORIES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 88888888)
"""Category ids in the order of the head's outputs (CONTRACT §2.3)."""
NAMES = (
    *(
        "Tops",
        "Dress",
        "Bottoms",
        "Bag",
        "Shoes",
        "Accessories",
        "Snack",
        "Makeup",
        "Bottle",
        "Furniture",
    ),
    *("Toy", "Underwear", "Digital device", "Others"),
)
IGNORED = len(CATEGORIES)
"""Marks classes that say nothing of the product: places, textures, things around it."""

_CLASSES: dict[str, str] = {
    "Tops": "399 400 411 461 465 474 490 501 524 568 610 617 652 697 735 834 841 869 887",
    "Dress": "578 601 614 689 775",
    "Bottoms": "608 655 842",
    "Bag": "414 636 728 748 790 797",
    "Shoes": "502 514 630 770 774",
    "Accessories": (
        "433 439 451 452 457 464 515 518 531 552 560 584 591 615 643 658 667 678 679 715 793 796 "
        "808 824 836 837 879 893 903 906"
    ),
    "Snack": "692 923 924 925 926 927 928 929 930 931 932 933 934 935 959 960 961 962 963 964 965",
    "Makeup": "551 585 629 631 711 804 838",
    "Bottle": "438 440 441 455 503 504 505 572 647 653 720 725 737 849 898 899 901 907 966 967 "
    "968 969",
    "Furniture": "423 431 453 492 493 495 516 520 526 532 548 553 559 564 619 648 703 721 736 "
    "750 765 789 831 846 857 861 894",
    "Toy": "417 429 430 522 574 611 680 719 722 723 746 752 768 805 850 852 865 870 890",
    "Underwear": "445 459 496 529 638 639 806",
    "Digital device": (
        "481 482 485 487 508 527 528 530 590 592 598 605 613 620 632 650 662 664 673 681 688 713 "
        "732 742 745 754 759 761 "
        "782 810 826 848 851 878"
    ),
}
_AROUND = (
    "415 416 424 434 446 454 467 478 489 498 509 519 533 539 582 588 669 741 760 762 773 778 788 "
    "791 794 799 854 855 860 885 "
    "886 904 905 911 917 921 922"
)


def mapping() -> NDArray[np.int64]:
    """Return for every ImageNet class the position of its category in CATEGORIES, or IGNORED; int64
    [1000].
    """
    table = np.full(1000, NAMES.index("Others"))
    table[[int(i) for i in _AROUND.split()]] = IGNORED
    for name, classes in _CLASSES.items():
        table[[int(i) for i in classes.split()]] = NAMES.index(name)
    return table
