"""Pages of rejections and disputes, for each side and for adjudicators."""
