< st.cmd
