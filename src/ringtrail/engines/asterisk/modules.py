"""The Asterisk modules that we load, and no others: every module left out is code that no packet can reach."""

MODULES = (
    # sorcery, timing, web socket
    "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_timing_timerfd", "res_http_websocket", "res_websocket_client",
    # ARI and Stasis
    "res_ari", "res_ari_model", "res_ari_applications", "res_ari_asterisk", "res_ari_bridges", "res_ari_channels",
    "res_ari_endpoints", "res_ari_events", "res_ari_playbacks", "res_ari_recordings",
    "res_stasis", "res_stasis_answer", "res_stasis_playback", "res_stasis_recording", "res_stasis_snoop", "app_stasis",
    # SIP
    "res_pjproject", "res_pjsip", "res_pjsip_session", "res_pjsip_pubsub", "res_pjsip_authenticator_digest", "res_pjsip_caller_id",
    "res_pjsip_endpoint_identifier_ip", "res_pjsip_endpoint_identifier_user", "res_pjsip_registrar",
    "res_pjsip_header_funcs", "res_pjsip_rfc3326", "res_pjsip_sdp_rtp", "res_pjsip_dlg_options", "res_pjsip_dtmf_info",
    "res_pjsip_nat", "chan_pjsip",
    # RTP and codecs
    "res_rtp_asterisk", "res_srtp", "res_crypto", "codec_ulaw", "codec_alaw", "codec_a_mu", "codec_g722", "codec_resample",
    "codec_opus_open_source", "res_format_attr_opus", "format_wav", "format_pcm", "format_sln",
    # bridges
    "bridge_simple", "bridge_native_rtp", "bridge_softmix", "bridge_holding", "bridge_builtin_features",
    # dialplan
    "pbx_config", "app_dial", "app_verbose", "app_stack", "app_userevent", "func_callerid", "func_channel", "func_strings",
    "func_logic", "func_hangupcause",
    # recording: app_mixmonitor needs the others
    "app_mixmonitor", "app_chanspy", "func_periodic_hook", "func_cut", "func_groupcount", "func_uri",
    # flight recorder: cel_custom needs res_cdrel_custom
    "res_cdrel_custom", "cel_custom",
)  # fmt: skip
